// Choosing a product from the keyboard: letters, arrows, Enter for a card into the chat, Shift+Enter into the order.
import { listbox } from "./listbox.js";
import { fragment, oneAtATime, post } from "./server.js";

const place = () => document.getElementById("picker-place");
const box = () => place()?.querySelector(".picker");
const input = () => box()?.querySelector("input");
const options = () => [...place().querySelectorAll(".option")];
const { chosen, move } = listbox(options, input);
const PATIENCE = 5; // looks for what has just been typed, when Enter came before its list

const area = () => document.getElementById("composer")?.elements.text;

let opener = null;
let byMark = null; // where in the answer the mark was typed that opened the list

/** What was typed while the list was on its way; null while none is. */
let typed = null;

async function open(button) {
  if (typed !== null) return;
  if (box()) {
    close();
    return;
  }
  typed = "";
  const html = await fragment(place().dataset.url);
  if (!html || typed === null) {
    typed = null;
    return;
  }
  opener = button;
  opener.setAttribute("aria-expanded", "true");
  await htmx.swap({ sourceElement: place(), target: place(), text: html, swap: "innerHTML" });
  input().focus();
  const early = typed;
  typed = null;
  if (!early) return;
  input().value = early;
  input().dispatchEvent(new Event("input", { bubbles: true }));
}

const isFound = () => document.getElementById("picker-list").dataset.found === input().value;

const look = oneAtATime(async () => {
  const html = input() && (await fragment(`${box().dataset.search}?q=${encodeURIComponent(input().value)}`));
  const list = document.getElementById("picker-list");
  if (html && list) await htmx.swap({ sourceElement: list, target: list, text: html, swap: "outerHTML" });
});

/** A barcode reader presses Enter at once: what is taken is what was typed, never what was listed before. */
async function takeFound(intoOrder) {
  for (let n = 0; n < PATIENCE && box() && !isFound(); n += 1) {
    await look();
    if (box() && !isFound()) await new Promise((done) => setTimeout(done, 100));
  }
  if (box() && isFound()) await take(chosen(), intoOrder);
}

/** The picker was asked for, so letters are for its field though it is not there yet; Escape thinks better of it. */
function onEarlyKey(event) {
  if (typed === null || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") typed = null;
  else if (event.key === "Backspace") typed = typed.slice(0, -1);
  else if (event.key.length === 1) typed += event.key;
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

function close() {
  if (!box()) return;
  place().replaceChildren();
  opener?.setAttribute("aria-expanded", "false");
  (byMark === null ? opener : area())?.focus();
  byMark = null;
}

/** A # that begins a word of an answer is no text but asks for a product; Escape leaves it as text after all. */
async function onMark({ data, target }) {
  const at = target.selectionStart;
  const button = document.querySelector('[data-picker="chat"]');
  if (data !== "#" || !button || button.hidden || /\S#$/.test(target.value.slice(0, at))) return;
  if (box()) close();
  byMark = at - 1;
  putInstead("", at - 1, at);
  await open(button);
}

function putInstead(text, from, to) {
  area().setRangeText(text, from, to, "end");
  area().dispatchEvent(new Event("input", { bubbles: true }));
}

function leaveMark() {
  if (byMark !== null && !input().value) putInstead("#", byMark, byMark);
  close();
}

/** Several goods may be put into the order one after another; a card sent closes the list. */
async function take(option, intoOrder) {
  if (!option) return;
  const { send, add } = box().dataset;
  const url = intoOrder && add ? add : send;
  const done = await post(url, { variant: option.dataset.variant, product: option.dataset.product });
  if (done && url === send) close();
}

function onKey(event) {
  if (!box()) return;
  if (event.key === "Escape") leaveMark();
  else if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Enter") takeFound(event.shiftKey || opener.dataset.picker === "order");
  else return;
  event.preventDefault();
  event.stopPropagation();
}

export function start() {
  if (!place()) return;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-picker]");
    const option = event.target.closest(".picker .option");
    if (button) open(button);
    else if (option) take(option, event.shiftKey || opener.dataset.picker === "order");
    else if (box() && !event.target.closest(".picker")) close();
  });
  document.addEventListener("keydown", onEarlyKey, true);
  place().addEventListener("keydown", onKey);
  place().addEventListener("input", look);
  area()?.addEventListener("input", onMark);
}
