// Ctrl+K or ⌘K, from anywhere: some letters, arrows, Enter. The place of the key counts, whatever the layout.
import { listbox } from "./listbox.js";

const box = () => document.getElementById("palette");
const input = () => box().querySelector("input");
const options = () => [...box().querySelectorAll("a.option")];
const { chosen, move } = listbox(options, input);

function open() {
  if (box().open) {
    box().close();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  input().value = "";
  box().showModal();
  input().dispatchEvent(new Event("palette:opened"));
}

function onKey(event) {
  if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Enter" && !event.isComposing) chosen()?.click();
  else return;
  event.preventDefault();
}

export function start() {
  if (!box()) return;
  document.addEventListener("keydown", (event) => {
    if (event.code !== "KeyK" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open();
  });
  input().addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]")) open();
    // A found place on the page that is open already is gone to without a load.
    else if (event.target.closest("#palette a.option")) box().close();
  });
}
