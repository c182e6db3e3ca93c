// Rows of a list that are ticked, and what is done with all of them: conversations of the inbox, orders of the
// table, products.
import { posted } from "./server.js";
import { sayMany } from "./texts.js";

const bar = () => document.getElementById("bulk");
const list = () => document.getElementById(bar().dataset.of);
const boxes = () => [...list().querySelectorAll("[data-tick]")];
const ticked = () => boxes().filter((box) => box.checked);
const mayBeDone = (box) => (box.dataset.may ?? "").split(" ");

function show() {
  const rows = ticked();
  bar().hidden = rows.length === 0;
  bar().querySelector("[data-ticked]").textContent = rows.length ? sayMany("ticked", rows.length) : "";
  for (const all of document.querySelectorAll("[data-tick-all]")) {
    all.checked = rows.length > 0 && rows.length === boxes().length;
    all.indeterminate = rows.length > 0 && !all.checked;
  }
  offer(rows);
}

/** What none of the ticked rows allows is not offered; a menu without anything in it neither. */
function offer(rows) {
  const allowed = new Set(rows.flatMap(mayBeDone));
  for (const part of bar().querySelectorAll("[data-needs]")) {
    part.hidden = !part.dataset.needs.split(" ").some((need) => allowed.has(need));
  }
}

function tickOnly(chosen) {
  for (const box of boxes()) box.checked = chosen(box);
  show();
}

/** The row under the keyboard, or the open one. */
function toggle() {
  const row = document.activeElement.closest?.("[data-tick-row]") ?? list().querySelector("[data-tick-row]:has([aria-current])");
  const box = row?.querySelector("[data-tick]");
  if (!box) return;
  box.checked = !box.checked;
  show();
}

const ids = () => ticked().map((box) => box.dataset.tick).join(",");

/** What the button says, and what was filled in beside it; null when something is missing there. */
function asked(button) {
  const filled = button.closest("[data-menu-form]");
  const fields = [...(filled?.querySelectorAll("[name]") ?? [])];
  if (!fields.every((field) => field.reportValidity())) return null;
  const { bulk: act, needs, ...told } = button.dataset;
  return { act, ...told, ...Object.fromEntries(fields.map((field) => [field.name, field.value])) };
}

let busy = false;

async function act(button) {
  const values = asked(button);
  if (!values || busy) return;
  busy = true;
  const html = await posted(bar().dataset.url, { ...values, ids: ids() });
  busy = false;
  if (html === null) return;
  for (const field of bar().querySelectorAll("[data-menu-form] [name]")) field.value = field.defaultValue;
  const left = explain(html);
  tickOnly((box) => left.has(box.id));
}

/** Shows which rows were left and why; they stay ticked. */
function explain(html) {
  const dialog = document.getElementById("bulk-left");
  if (!dialog || !html) return new Set();
  dialog.innerHTML = html;
  dialog.showModal();
  return new Set([...dialog.querySelectorAll("[data-left]")].map((one) => one.dataset.left));
}

export function start() {
  if (!bar()) return;
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-tick]")) show();
    if (target.matches("[data-tick-all]")) tickOnly(() => target.checked);
  });
  bar().addEventListener("click", ({ target }) => {
    const button = target.closest("[data-bulk]");
    if (button) act(button);
    const open = target.closest("[data-bulk-open]");
    if (open) location.assign(`${open.dataset.bulkOpen}?ids=${ids()}`);
    if (target.closest("[data-untick]")) tickOnly(() => false);
  });
  bar().addEventListener("keydown", (event) => {
    const form = event.key === "Enter" && event.target.matches("input") && event.target.closest("[data-menu-form]");
    if (!form) return;
    event.preventDefault();
    form.querySelector("[data-bulk]").click();
  });
  document.addEventListener("key:tick", toggle);
  // A row that left the list is not ticked any more.
  document.addEventListener("htmx:after:swap", show);
}
