// Choosing a product from the keyboard: letters, arrows, Enter for a card into the chat, Shift+Enter into the order.
import { listbox } from "./listbox.js";
import { fragment, post } from "./server.js";

const place = () => document.getElementById("picker-place");
const box = () => place()?.querySelector(".picker");
const options = () => [...place().querySelectorAll(".option")];
const { chosen, move } = listbox(options, () => box().querySelector("input"));

let opener = null;

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
  const input = box().querySelector("input");
  input.focus();
  const early = typed;
  typed = null;
  if (!early) return;
  input.value = early;
  input.dispatchEvent(new Event("input", { bubbles: true }));
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
  opener?.focus();
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
  if (event.key === "Escape") close();
  else if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Enter") take(chosen(), event.shiftKey || opener.dataset.picker === "order");
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
}
