// Words for what scripts say. The page carries them in its own language; plurals are chosen by the browser's rules.
const words = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");
const rules = new Intl.PluralRules(document.documentElement.lang);

const fill = (pattern, facts) => pattern.replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);

export const say = (key, facts = {}) => fill(words[key] ?? key, facts);

export const sayMany = (key, n) => {
  const forms = words[key] ?? {};
  return fill(forms[rules.select(n)] ?? forms.other ?? key, { n });
};
