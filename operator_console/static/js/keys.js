// Hot keys go by the place of the key (event.code), so they work in the Russian layout too, and never while typing.
import { undo } from "./toast.js";

const OFF = "keys:off";
const CLICKS = { KeyE: "close", KeyZ: "snooze", KeyA: "take", KeyP: "product", KeyL: "charge", KeyS: "stage-next", KeyN: "new-order", KeyB: "bell" };
const EVENTS = { KeyJ: "next", KeyK: "previous", KeyR: "reply", KeyM: "note", KeyX: "tick", KeyT: "task" };

const isTyping = (element) => element.closest("input, textarea, select, [contenteditable]");

function press(name) {
  const button = [...document.querySelectorAll(`[data-key="${name}"]`)].find((it) => it.checkVisibility?.() ?? true);
  button?.click();
  if (button?.matches("summary")) button.parentElement.querySelector(".menu button, .menu a")?.focus();
  return Boolean(button);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    document.getElementById("keys").showModal();
  } else if (event.code === "Slash") {
    document.querySelector('[data-key="search"]')?.focus();
  } else if (localStorage.getItem(OFF)) {
    return;
  } else if (event.code === "KeyU") {
    if (!press("undo")) undo();
  } else if (EVENTS[event.code]) {
    document.dispatchEvent(new CustomEvent(`key:${EVENTS[event.code]}`));
  } else if (!CLICKS[event.code] || !press(CLICKS[event.code])) {
    return;
  }
  event.preventDefault();
}

export function start() {
  document.addEventListener("keydown", onKey);
  const box = document.querySelector("[data-keys-off]");
  if (!box) return;
  box.checked = Boolean(localStorage.getItem(OFF));
  box.addEventListener("change", () => (box.checked ? localStorage.setItem(OFF, "1") : localStorage.removeItem(OFF)));
}
