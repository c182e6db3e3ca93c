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

const isFound = () => document.getElementById("palette-list").dataset.found === input().value.trim();

/** Who types faster than is found goes to what he typed, and not to what was listed before. */
async function go() {
  for (let n = 0; n < 20 && !isFound(); n += 1) await new Promise((done) => setTimeout(done, 50));
  if (isFound()) chosen()?.click();
}

function onKey(event) {
  if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Enter" && !event.isComposing) go();
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
