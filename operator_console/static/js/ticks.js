// Conversations or products that are ticked in the list, and what is done with all of them.
import { post } from "./server.js";
import { sayMany } from "./texts.js";

const bar = () => document.getElementById("bulk");
const list = () => document.getElementById(bar().dataset.list ?? "conversations");
const boxes = () => [...list().querySelectorAll("[data-tick]")];
const ticked = () => boxes().filter((box) => box.checked);

function show() {
  const n = ticked().length;
  const all = bar().querySelector("[data-tick-all]");
  bar().hidden = n === 0;
  bar().querySelector("[data-ticked]").textContent = n ? sayMany("ticked", n) : "";
  all.checked = n > 0 && n === boxes().length;
  all.indeterminate = n > 0 && !all.checked;
}

function tickAll(checked) {
  for (const box of boxes()) box.checked = checked;
  show();
}

/** The row under the keyboard, or the open conversation. */
function toggle() {
  const row = document.activeElement.closest?.(".conversation-box, tr") ?? list().querySelector("[aria-current]")?.parentElement;
  const box = row?.querySelector("[data-tick]");
  if (!box) return;
  box.checked = !box.checked;
  show();
}

const ids = () => ticked().map((box) => box.dataset.tick).join(",");

async function act(button) {
  const own = button.closest("[data-menu-form]")?.querySelector("[data-own-time]");
  const done = await post(bar().dataset.url, {
    act: button.dataset.bulk,
    ids: ids(),
    staff: button.dataset.staff ?? "",
    when: button.dataset.when ?? (own ? "own" : ""),
    at: own?.value ?? "",
  });
  if (done) tickAll(false);
}

export function start() {
  if (!bar()) return;
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-tick]")) show();
    if (target.matches("[data-tick-all]")) tickAll(target.checked);
  });
  bar().addEventListener("click", ({ target }) => {
    const button = target.closest("[data-bulk]");
    if (button) act(button);
    const open = target.closest("[data-bulk-open]");
    if (open) location.assign(`${open.dataset.bulkOpen}?ids=${ids()}`);
    if (target.closest("[data-untick]")) tickAll(false);
  });
  document.addEventListener("key:tick", toggle);
  // A row that left the list is not ticked any more.
  document.addEventListener("htmx:after:swap", show);
}
