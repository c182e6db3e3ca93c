// Emoji for the answer or the note being written, found by a word in Russian or English. The last ones used come first.
import { listbox } from "./listbox.js";
import { say } from "./texts.js";
import { toast } from "./toast.js";

const LATELY = "emoji";
const MOST_LATELY = 16;

const place = () => document.getElementById("emoji-place");
const area = () => document.getElementById("composer").elements.text;
const box = () => place().firstElementChild;
const field = () => place().querySelector("input");
const options = () => [...place().querySelectorAll("[role=option]")];
const { chosen, move } = listbox(options, field);

let groups = null; // [{name, emoji: [[character, name, words]]}] as hatch_build.py makes them
let opener = null;

const make = (tag, facts, ...inside) => {
  const made = Object.assign(document.createElement(tag), facts);
  made.append(...inside);
  return made;
};

async function load() {
  const url = new URL(`../vendor/emoji.${document.documentElement.lang}.json`, import.meta.url);
  try {
    groups ??= await (await fetch(url)).json();
  } catch {
    toast(say("unreachable"), { bad: true });
  }
  return groups;
}

const lately = () => JSON.parse(localStorage.getItem(LATELY) ?? "[]");

function remember(character) {
  const all = [character, ...lately().filter((one) => one !== character)].slice(0, MOST_LATELY);
  localStorage.setItem(LATELY, JSON.stringify(all));
}

const plain = (text) => text.toLowerCase().replaceAll("ё", "е");

/** Every word typed begins one of its words. Those whose name they begin come before those that are only akin. */
function found(asked) {
  const every = groups.flatMap(({ emoji }) => emoji);
  const beginnings = plain(asked).split(/\s+/).filter(Boolean).map((word) => ` ${word}`);
  if (beginnings.length) {
    const fits = (words) => beginnings.every((beginning) => ` ${words}`.includes(beginning));
    const fitting = every.filter(([, , words]) => fits(words));
    const isNamed = ([, name]) => fits(plain(name));
    return [{ name: asked, emoji: [...fitting.filter(isNamed), ...fitting.filter((one) => !isNamed(one))] }];
  }
  const known = new Map(every.map((one) => [one[0], one]));
  return [{ name: place().dataset.recent, emoji: lately().map((one) => known.get(one)).filter(Boolean) }, ...groups];
}

function show() {
  const shown = found(field().value).filter(({ emoji }) => emoji.length);
  let n = 0;
  const option = ([character, name]) => {
    const made = make("span", { id: `emoji-${n++}`, className: "emoji", textContent: character, title: name, role: "option" });
    made.setAttribute("aria-label", name);
    made.setAttribute("aria-selected", String(n === 1));
    return made;
  };
  const group = ({ name, emoji }, at) => {
    const made = make("div", { role: "group" }, make("div", { className: "emoji-group t12 muted", id: `emoji-group-${at}`, textContent: name }));
    made.setAttribute("aria-labelledby", `emoji-group-${at}`);
    made.append(make("div", { className: "emoji-row", role: "presentation" }, ...emoji.map(option)));
    return made;
  };
  place().querySelector(".emoji-list").replaceChildren(...shown.map(group));
  place().querySelector(".emoji-list").scrollTop = 0;
  place().querySelector(".emoji-none").textContent = n ? "" : place().dataset.none;
  if (n) field().setAttribute("aria-activedescendant", "emoji-0");
  else field().removeAttribute("aria-activedescendant");
}

export async function toggle(button) {
  if (box()) {
    close();
    return;
  }
  if (!(await load()) || box()) return;
  opener = button;
  opener.setAttribute("aria-expanded", "true");
  const words = place().dataset.field;
  const input = make("input", { type: "search", role: "combobox", autocomplete: "off", placeholder: words, maxLength: 40 });
  for (const [name, value] of Object.entries({ "aria-label": words, "aria-expanded": "true", "aria-controls": "emoji-list" }))
    input.setAttribute(name, value);
  const list = make("div", { className: "emoji-list", id: "emoji-list", role: "listbox" });
  list.setAttribute("aria-label", button.getAttribute("aria-label"));
  const head = make("div", { className: "picker-head" }, make("span", { className: "input" }, input));
  place().replaceChildren(make("div", { className: "popover" }, head, list, make("p", { className: "emoji-none t13 muted", role: "status" })));
  show();
  input.focus();
}

function close({ to = opener } = {}) {
  if (!box()) return;
  place().replaceChildren();
  opener.setAttribute("aria-expanded", "false");
  to?.focus();
}

/** At the caret. With Shift the list stays, for several in a row. */
function put(option, stay) {
  if (!option) return;
  remember(option.textContent);
  area().setRangeText(option.textContent, area().selectionStart, area().selectionEnd, "end");
  area().dispatchEvent(new Event("input", { bubbles: true }));
  if (!stay) close({ to: area() });
}

/** By rows as they stand on the screen. */
function moveByRow(by) {
  const all = options();
  const at = all.indexOf(chosen());
  if (at < 0) return;
  const where = (n) => all[n]?.getBoundingClientRect();
  const from = where(at);
  let n = at + by;
  while (where(n)?.top === from.top) n += by;
  const row = where(n)?.top;
  if (row === undefined) return;
  while (where(n + by)?.top === row && Math.abs(where(n + by).left - from.left) < Math.abs(where(n).left - from.left)) n += by;
  move(n - at);
}

const KEYS = {
  Escape: () => close(),
  ArrowRight: () => move(1),
  ArrowLeft: () => move(-1),
  ArrowDown: () => moveByRow(1),
  ArrowUp: () => moveByRow(-1),
  Enter: (event) => put(chosen(), event.shiftKey),
};

place().addEventListener("keydown", (event) => {
  if (!box() || !KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  KEYS[event.key](event);
  event.preventDefault();
  event.stopPropagation();
});
place().addEventListener("input", show);
document.addEventListener("click", ({ target, shiftKey }) => {
  const option = target.closest("#emoji-place [role=option]");
  if (option) put(option, shiftKey);
  else if (box() && !target.closest("#emoji-place, [data-emoji-button]")) close({ to: null });
});
