// The list and the thread, kept fresh without moving under the reader's eyes or hands.
import { sayMany } from "./texts.js";
import { fragment, oneAtATime } from "./server.js";

const NEAR = 60; // px from the edge that still count as being there

const parse = (html) => new DOMParser().parseFromString(html, "text/html");
const list = () => document.getElementById("conversations");
const news = (place) => document.querySelector(`[data-news="${place}"]`);

function offer(place, key, n) {
  const button = news(place);
  if (!button) return;
  button.hidden = n === 0;
  if (n) button.textContent = sayMany(key, n);
}

// --- the list ---

const isBusy = (box) => box.matches(":hover, :has(:checked)") || box.contains(document.activeElement) || box.scrollTop > NEAR;

/** How many rows would rise above others that are now before them. */
function risen(now, fresh) {
  const before = new Map(now.map((row, i) => [row.id, i]));
  return fresh.filter((row, i) => !before.has(row.id) || before.get(row.id) > i).length;
}

const refreshList = oneAtATime(async () => {
  const box = list();
  const html = box && (await fragment(box.dataset.list));
  if (!html) return;
  const now = [...box.querySelectorAll("[data-conversation]")];
  const fresh = [...parse(html).querySelectorAll("[data-conversation]")];
  const n = risen(now, fresh);
  if (n === 0 || !isBusy(box)) {
    await htmx.swap({ sourceElement: box, target: box, text: html, swap: "outerMorph" });
    offer("list", "conversations", 0);
    return;
  }
  for (const row of fresh) {
    const shown = document.getElementById(row.id);
    if (shown) await htmx.swap({ sourceElement: shown, target: shown, text: row.outerHTML, swap: "outerMorph" });
  }
  offer("list", "conversations", n);
});

async function showWholeList() {
  const box = list();
  const html = await fragment(box.dataset.list);
  if (!html) return;
  await htmx.swap({ sourceElement: box, target: box, text: html, swap: "outerMorph" });
  box.scrollTop = 0;
  offer("list", "conversations", 0);
}

function step(by) {
  const rows = [...document.querySelectorAll("#conversations [data-conversation]")];
  const here = rows.findIndex((row) => row === document.activeElement);
  const current = here >= 0 ? here : rows.findIndex((row) => row.hasAttribute("aria-current"));
  rows[Math.min(rows.length - 1, Math.max(0, current + by))]?.focus();
}

// --- the thread ---

const feed = () => document.getElementById("feed");
const thread = () => document.querySelector("[data-thread]")?.dataset.thread;
const isAtEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
let seenLast = 0;

function toEnd() {
  const box = feed();
  if (!box) return;
  box.scrollTop = box.scrollHeight;
  seenLast = Number(document.getElementById("feed-inner").dataset.last);
  offer("feed", "messages", 0);
}

const refreshFeed = oneAtATime(async () => {
  const box = feed();
  const inner = document.getElementById("feed-inner");
  if (!inner) return;
  const url = new URL(inner.dataset.feed, location.href);
  if (document.visibilityState === "visible") url.searchParams.set("seen", "1");
  const html = await fragment(url);
  if (!html) return;
  const atEnd = isAtEnd(box);
  await htmx.swap({ sourceElement: inner, target: inner, text: html, swap: "outerMorph" });
  if (atEnd) toEnd();
  else offerBelow();
});

function offerBelow() {
  const below = [...feed().querySelectorAll("[data-message]")].filter((m) => Number(m.dataset.message) > seenLast);
  offer("feed", "messages", below.length);
}

/** A link may lead to one message: it is shown; as the target of the address it is marked for a while. */
function toMessage() {
  const wanted = location.hash && document.getElementById(location.hash.slice(1));
  if (!wanted || !feed().contains(wanted)) return false;
  wanted.scrollIntoView({ block: "center" });
  seenLast = Number(document.getElementById("feed-inner").dataset.last);
  return true;
}

/** What was answered is on the page mostly; only what is older must be asked for. */
function toQuoted(event) {
  const link = event.target.closest(".quote");
  if (!link || !document.getElementById(link.hash.slice(1)) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  location.hash = link.hash;
  toMessage();
}

/** What was not read begins above what the end of the thread shows: one reads on from there. */
function toUnread() {
  const mark = document.getElementById("unread");
  toEnd();
  if (!mark || mark.getBoundingClientRect().top >= feed().getBoundingClientRect().top) return;
  mark.scrollIntoView({ block: "start" });
  seenLast = Number(document.querySelector("#unread ~ [data-message]").dataset.message) - 1;
  offerBelow();
}

/** Earlier messages are put above: what was being read stays where it was. */
function keepPlace() {
  const box = feed();
  let fromBottom = 0;
  document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    if (ctx.sourceElement?.id === "earlier") fromBottom = box.scrollHeight - box.scrollTop;
  });
  document.addEventListener("htmx:after:swap", () => {
    if (fromBottom) box.scrollTop = box.scrollHeight - fromBottom;
    fromBottom = 0;
  });
}

// --- who leads it ---

const refreshHead = oneAtATime(async () => {
  const head = document.getElementById("thread-head");
  const html = head && (await fragment(head.dataset.head + location.search));
  if (html) await htmx.swap({ sourceElement: head, target: head, text: html, swap: "outerMorph" });
});

// --- the customer and the order ---

/** Own fields that are being filled in, an open question, or a field with the cursor in it: what is fetched anew waits
 * for their end. */
const busyWith = (panel) => {
  const question = panel.querySelector("dialog[open]");
  if (question) return [question, "close"];
  const open = panel.querySelector("details.own-edit[open]");
  if (open) return [open, "toggle"];
  const typing = document.activeElement;
  return panel.contains(typing) && typing.matches("input, textarea, select") ? [typing, "blur"] : null;
};

const refreshContext = oneAtATime(async () => {
  const panel = document.getElementById("context");
  if (!panel) return;
  const html = busyWith(panel) ? null : await fragment(panel.dataset.context);
  // Somebody may have begun to type while it was fetched.
  const busy = busyWith(panel);
  if (busy) {
    const [what, until] = busy;
    what.addEventListener(until, refreshContext, { once: true });
  } else if (html) {
    await htmx.swap({ sourceElement: panel, target: panel, text: html, swap: "outerMorph" });
  }
});

export function start() {
  if (!list()) return;
  document.addEventListener("live:conversation", ({ detail }) => {
    refreshList();
    if (String(detail.id) !== thread()) return;
    if (["conversation_changed", "conversation_assigned"].includes(detail.kind)) refreshHead();
    refreshFeed();
    refreshContext();
  });
  feed()?.addEventListener("click", toQuoted);
  document.addEventListener("live:order", refreshContext);
  document.addEventListener("live:customer", refreshContext);
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    const filled = ctx.sourceElement.closest("details.own-edit");
    if (filled && ctx.response?.status < 300) filled.open = false;
  });
  document.addEventListener("live:resync", () => {
    refreshList();
    refreshHead();
    refreshFeed();
    refreshContext();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") refreshFeed();
  });
  document.addEventListener("composer:sent", () => refreshFeed().then(toEnd));
  news("list")?.addEventListener("click", showWholeList);
  document.addEventListener("undone", showWholeList);
  news("feed")?.addEventListener("click", toEnd);
  document.addEventListener("key:next", () => step(1));
  document.addEventListener("key:previous", () => step(-1));
  if (!feed()) return;
  feed().addEventListener("scroll", () => isAtEnd(feed()) && offer("feed", "messages", 0), { passive: true });
  keepPlace();
  if (!toMessage()) toUnread();
  window.addEventListener("hashchange", toMessage);
}
