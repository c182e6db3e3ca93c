// Tasks: the dialog that adds one, the lists kept fresh without touching what is being edited, and the keys.
import { fragment, oneAtATime } from "./server.js";

const lists = () => [...document.querySelectorAll("[data-tasks]")];
const dialog = () => document.getElementById("new-task");

/** A list with an opened task in it waits until that is folded. */
const isEdited = (list) => list.querySelector("[data-task-form]");

const refresh = oneAtATime(async () => {
  for (const list of lists()) {
    if (isEdited(list)) continue;
    const html = await fragment(list.dataset.tasks);
    if (html && list.isConnected && !isEdited(list)) {
      await htmx.swap({ sourceElement: list, target: list, text: html, swap: "outerMorph" });
    }
  }
});

async function openDialog(url) {
  const html = await fragment(url);
  if (!html) return;
  await htmx.swap({ sourceElement: dialog(), target: dialog(), text: html, swap: "innerHTML" });
  if (!dialog().open) dialog().showModal();
  dialog().querySelector("[name=title]").focus();
}

/** On the page of tasks the line for a new one is there already; elsewhere a dialog opens, about what the page shows. */
function add() {
  const quick = document.querySelector("[data-quick-task]");
  if (quick) quick.focus();
  else openDialog(document.querySelector("[data-new-task]")?.dataset.newTask ?? "/tasks/new");
}

function step(by) {
  const rows = [...document.querySelectorAll("#tasks [data-task-open]")];
  const here = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, here + by))]?.focus();
}

function showOwnTime(select) {
  const own = select.closest(".field").querySelector("[data-own-time]");
  own.hidden = select.value !== "own";
  if (!own.hidden) own.querySelector("input").focus();
}

/** The form of a task that was closed is no form any more: its row takes its place. */
async function fold(form) {
  const row = form.closest("[data-task]");
  const html = row && (await fragment(`/tasks/${row.dataset.task}/row`));
  if (html) await htmx.swap({ sourceElement: row, target: row, text: html, swap: "outerHTML" });
  refresh();
}

export function start() {
  if (!dialog()) return;
  document.addEventListener("key:task", add);
  document.addEventListener("live:task", refresh);
  document.addEventListener("live:resync", refresh);
  document.addEventListener("click", ({ target }) => {
    const opener = target.closest("[data-new-task]");
    if (opener) openDialog(opener.dataset.newTask);
  });
  document.addEventListener("change", ({ target }) => target.matches("[data-when]") && showOwnTime(target));
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    const source = ctx.sourceElement;
    if (ctx.response.status >= 300) return;
    if (source.matches("[data-task-leave]")) fold(source);
    else if (source.matches("[data-resets]")) {
      source.reset();
      for (const select of source.querySelectorAll("[data-when]")) select.dispatchEvent(new Event("change", { bubbles: true }));
      source.querySelector("[data-quick-task]").focus();
    }
  });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx.sourceElement?.matches("[data-task-form], [data-task-fold]")) refresh();
  });
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest?.("[data-task-form]");
    if (event.key === "Escape" && form) form.querySelector("[data-task-fold]")?.click();
  });
  if (!document.getElementById("tasks")) return;
  document.addEventListener("key:next", () => step(1));
  document.addEventListener("key:previous", () => step(-1));
}
