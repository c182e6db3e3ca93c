// Styled text as nodes. Nothing here ever becomes markup: what people write is put in as text.

const TAGS = { bold: "b", italic: "i", underline: "u", strike: "s", code: "code", pre: "pre", quote: "blockquote" };
const SAFE = new Set(["http:", "https:", "mailto:", "tel:"]);
const ADDRESS = /https?:\/\/[^\s<>"«»]+[^\s<>"«».,;:!?)\]]/g;

export function safeUrl(text) {
  try {
    const url = new URL(text);
    return SAFE.has(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}

export function element(tag, { text, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(name, value);
  }
  if (text !== undefined) node.textContent = text;
  node.append(...children.filter(Boolean));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

// Offsets count code points, so the text is cut as an array of them; `from` and `to` leave its ends out.
export function styledText(text, spans, from = 0, to = Infinity) {
  const points = Array.from(text);
  const ordered = [...spans].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const whole = document.createDocumentFragment();
  fill(whole, points, from, Math.min(to, points.length), ordered, false);
  return whole;
}

function fill(into, points, start, end, spans, linked) {
  let at = start;
  const queue = spans.filter((span) => span.offset < end && span.offset + span.length > start);
  while (queue.length) {
    const span = queue.shift();
    const first = Math.max(span.offset, at);
    const last = Math.min(span.offset + span.length, end);
    if (first >= last) continue;
    plain(into, points.slice(at, first).join(""), linked);
    const inner = [];
    while (queue.length && queue[0].offset < last) inner.push(queue.shift());
    const node = wrapper(span);
    fill(node, points, first, last, inner, linked || node.tagName === "A");
    into.append(node);
    at = last;
    // What began inside and ends after goes on outside.
    for (const other of inner) if (other.offset + other.length > last) queue.unshift({ ...other });
  }
  plain(into, points.slice(at, end).join(""), linked);
}

function wrapper(span) {
  if (span.style !== "link") return document.createElement(TAGS[span.style] || "span");
  const href = safeUrl(span.url);
  return href ? element("a", { href, target: "_blank", rel: "noopener noreferrer" }) : document.createElement("span");
}

function plain(into, text, linked) {
  if (!text) return;
  let at = 0;
  if (!linked) {
    for (const match of text.matchAll(ADDRESS)) {
      const href = safeUrl(match[0]);
      if (!href) continue;
      into.append(text.slice(at, match.index));
      into.append(element("a", { href, target: "_blank", rel: "noopener noreferrer", text: match[0] }));
      at = match.index + match[0].length;
    }
  }
  into.append(text.slice(at));
}
