// Small things every page has: panes on a phone, dialogs, menus, copying, passwords shown.
import { newKey } from "./server.js";
import { say } from "./texts.js";
import { toast } from "./toast.js";

const shownAtFirst = document.body.dataset.pane;

function showPane(name) {
  document.body.dataset.pane = name;
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.with-menu[open]")) if (menu !== except) menu.open = false;
}

/** Arrows go from one act of an open menu to the next; fields keep their own. */
function moveInMenu(event) {
  const menu = event.target.closest?.("details.with-menu[open]");
  if (!menu || event.target.matches("input, select, textarea")) return;
  const acts = [...menu.querySelectorAll(".menu button, .menu a")].filter((it) => it.checkVisibility?.() ?? true);
  const next = acts[(acts.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1) + acts.length) % acts.length];
  event.preventDefault();
  next?.focus();
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(say("copied"));
  } catch {
    prompt(say("copy_by_hand"), text);
  }
}

document.addEventListener("click", (event) => {
  const target = event.target;
  const opener = target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  if (target.closest("[data-close]") || target.matches("dialog")) target.closest("dialog")?.close();
  const copier = target.closest("[data-copy]");
  if (copier) copy(copier.dataset.copy);
  const pane = target.closest("[data-show-pane]");
  if (pane) showPane(pane.dataset.showPane);
  else if (document.body.dataset.pane === "order" && target === document.body) showPane(shownAtFirst);
  const acts = target.closest("[data-send], [data-bulk]") && !target.closest("[data-menu-form]:has(:invalid)");
  const stays = target.closest("summary, [data-menu-form], .menu-choice") && !acts;
  closeMenus(stays ? target.closest("details.with-menu") : null);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") moveInMenu(event);
  if (event.key !== "Escape") return;
  const open = event.target.closest?.("details.with-menu[open]");
  closeMenus();
  open?.querySelector("summary").focus();
  if (document.body.dataset.pane === "order" && !document.querySelector("dialog[open]")) showPane(shownAtFirst);
});

// A box that is ticked switches the fields off that it makes needless.
document.addEventListener("change", ({ target }) => {
  if (target.dataset.switches) document.getElementById(target.dataset.switches).disabled = target.checked;
});

/** What is filled in next is another act, under another key. */
function empty(form) {
  form.reset();
  if (form.elements.key) form.elements.key.value = newKey();
}

// A dialog whose question has been answered goes away; a refusal leaves it open with what was typed.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.response.status >= 300) return;
  if (ctx.sourceElement.matches("[data-closes]")) ctx.sourceElement.closest("dialog")?.close();
  if (ctx.sourceElement.matches("[data-empties]")) empty(ctx.sourceElement);
  if (ctx.sourceElement.matches("[data-menu-form]")) closeMenus();
});

// A dialog that an answer was put into opens to tell it.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.target?.matches?.("dialog[data-opens]") && ctx.target.children.length && !ctx.target.open) ctx.target.showModal();
});
