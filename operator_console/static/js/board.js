// The board: drag a card or press Ctrl with an arrow. The server decides; a refused card goes back with the reason.
import { fragment, oneAtATime, post } from "./server.js";

const board = () => document.getElementById("board");
const columns = () => [...document.querySelectorAll(".board-cards[data-stage]")];
const allows = (card, column) => card.dataset.moves.split(" ").includes(column.dataset.stage);

let dragging = false;
let held = false;
let stale = false;
let sortables = [];

const refresh = oneAtATime(async () => {
  const url = board()?.dataset.board;
  stale = dragging || held;
  if (stale) return;
  const html = url && (await fragment(url));
  // The hand may have come down on a card meanwhile: nothing moves under it.
  stale = dragging || held;
  if (!html || stale) return;
  await htmx.swap({ sourceElement: board(), target: board(), text: html, swap: "outerMorph" });
  makeSortable();
});

async function move(card, from, to, nextSibling) {
  card.classList.add("is-moving");
  const seen = { from: from.dataset.stage, version: card.dataset.version };
  const done = await post(card.dataset.move, { stage: to.dataset.stage, ...seen });
  card.classList.remove("is-moving");
  if (!done) from.insertBefore(card, nextSibling);
  await refresh();
}

function mark(card) {
  for (const column of columns()) {
    const refuses = column !== card.parentElement && !allows(card, column);
    column.classList.toggle("board-refuses", refuses);
  }
}

function makeSortable() {
  for (const sortable of sortables) sortable.destroy();
  let nextSibling = null;
  sortables = columns().map((column) =>
    Sortable.create(column, {
      group: "orders",
      draggable: ".board-card",
      sort: false,
      animation: 120,
      delay: 150,
      delayOnTouchOnly: true,
      ghostClass: "board-card-place",
      dragClass: "board-card-dragged",
      onStart: ({ item }) => {
        dragging = true;
        nextSibling = item.nextElementSibling;
        mark(item);
      },
      onEnd: async ({ item, from, to }) => {
        dragging = false;
        for (const each of columns()) each.classList.remove("board-refuses");
        if (from !== to) await move(item, from, to, nextSibling);
        else if (stale) await refresh();
      },
    }),
  );
}

function onPointer(event) {
  held = event.type === "pointerdown" && Boolean(event.target.closest?.(".board-card"));
  if (event.type === "pointerup" && stale && !dragging) refresh();
}

/** Ctrl with an arrow: the nearest column that way which this order may go to. */
async function onKey(event) {
  const card = event.target.closest?.(".board-card");
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!card || !by || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  const all = columns();
  const from = card.parentElement;
  let at = all.indexOf(from) + by;
  while (all[at] && !allows(card, all[at])) at += by;
  const to = all[at] ?? all[all.indexOf(from) + by];
  if (!to) return;
  const { id, nextElementSibling } = card;
  to.prepend(card);
  await move(card, from, to, nextElementSibling);
  document.getElementById(id)?.focus();
}

/** J and K: the next row of the table, or the one before. */
function step(by) {
  const links = [...(board()?.querySelectorAll("[data-tick-row] a.row") ?? [])];
  const row = document.activeElement.closest?.("[data-tick-row]");
  const here = links.findIndex((link) => row?.contains(link));
  links[Math.min(links.length - 1, Math.max(0, here + by))]?.focus();
}

/** The file has what the list shows now: filters change the address and not the link. */
function followFilters({ target }) {
  const link = target.closest?.("a[data-export]");
  if (!link) return;
  const { pathname, searchParams } = new URL(link.href);
  const asked = new URLSearchParams(location.search);
  asked.set("format", searchParams.get("format"));
  asked.delete("page");
  link.href = `${pathname}?${asked}`;
}

export function start() {
  document.addEventListener("click", followFilters);
  if (!board()) return;
  if (columns().length) makeSortable();
  document.addEventListener("keydown", onKey);
  for (const kind of ["pointerdown", "pointerup", "pointercancel"]) document.addEventListener(kind, onPointer);
  document.addEventListener("key:next", () => step(1));
  document.addEventListener("key:previous", () => step(-1));
  document.addEventListener("live:order", refresh);
  document.addEventListener("live:resync", refresh);
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx.sourceElement?.id === "orders-filter" || ctx.target?.id === "board") makeSortable();
  });
}
