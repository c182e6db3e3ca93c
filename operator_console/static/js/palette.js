// Some letters, arrows, Enter. What opens it is in early.js.
import { listbox } from "./listbox.js";

const box = () => document.getElementById("palette");
const input = () => box().querySelector("input");
const options = () => [...box().querySelectorAll("a.option")];
const { chosen, move } = listbox(options, input);

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
  // It was opened before, and some letters may be in it. htmx begins to listen a turn after its own script.
  if (box().open) setTimeout(() => input().dispatchEvent(new Event("palette:opened")));
  input().addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    // A found place on the page that is open already is gone to without a load.
    if (event.target.closest("#palette a.option")) box().close();
  });
}
