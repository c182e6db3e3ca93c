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

const morph = (shown, text) => htmx.swap({ sourceElement: shown, target: shown, text, swap: "outerMorph" });

let held = new Set(); // rows that would have moved under the reader's hand
let wanted = false; // the whole list, wherever his hand is
let asking = false;
let pushed = 0; // when the last row came by itself
const coming = []; // rows that did, in turn

function hold(rows) {
  held = rows;
  offer("list", "conversations", held.size);
}

/** Rows that would rise above others that are now before them. */
function risen(now, fresh) {
  const before = new Map(now.map((row, i) => [row.id, i]));
  return fresh.filter((row, i) => !before.has(row.id) || before.get(row.id) > i).map((row) => row.id);
}

const refreshList = oneAtATime(async () => {
  const box = list();
  asking = true;
  const html = box && (await fragment(box.dataset.list));
  asking = false;
  if (!html) return;
  const now = [...box.querySelectorAll("[data-conversation]")];
  const fresh = [...parse(html).querySelectorAll("[data-conversation]")];
  const rising = risen(now, fresh);
  if (wanted || rising.length === 0 || !isBusy(box)) {
    await morph(box, html);
    if (wanted) box.scrollTop = 0;
    wanted = false;
    hold(new Set());
    return;
  }
  for (const row of fresh) {
    const shown = document.getElementById(row.id);
    if (shown) await morph(shown, row.outerHTML);
  }
  hold(new Set(rising));
});

function showWholeList() {
  wanted = true;
  return refreshList();
}

/** Where a row that came by itself belongs in this list; undefined if it does not. */
function placeOf(row, { view, channel }) {
  if (channel && row.channel !== channel) return undefined;
  if (view === "mine" && String(row.leader) !== document.body.dataset.me) return undefined;
  return row.places[view];
}

/** The row as it stands in this list. */
function drawn(row, box) {
  const fresh = parse(row.html).body.firstElementChild;
  const link = fresh.querySelector("[data-conversation]");
  fresh.dataset.order = placeOf(row, box.dataset);
  link.setAttribute("href", link.getAttribute("href") + box.dataset.query);
  if (String(row.id) === thread()) link.setAttribute("aria-current", "true");
  return fresh;
}

/** Put a row that came by itself where it belongs, if that moves nothing under the reader's hand. Whatever is not plain
 * is asked for: a search, another language, rows that were held back, the first row of all and the last. */
const putRow = oneAtATime(async () => {
  while (coming.length) {
    const row = coming.shift();
    const box = list();
    const boxes = [...box.querySelectorAll("[data-order]")];
    const shown = document.getElementById(`box-${row.id}`);
    const place = placeOf(row, box.dataset);
    const busy = isBusy(box);
    pushed = performance.now();
    const plain = !("search" in box.dataset) && (!row.html || row.language === document.documentElement.lang);
    if (asking || !plain || boxes.length === 0 || (held.size && !busy)) {
      refreshList();
      continue;
    }
    const others = boxes.filter((one) => one !== shown);
    const next = others.find((one) => Number(one.dataset.order) > place);
    const beyond = !next && box.querySelector(":scope > [hx-get]"); // there are more than are shown
    if (place === undefined || beyond) {
      if (!shown) continue;
      if (others.length === 0 || busy) refreshList();
      else shown.remove();
      continue;
    }
    const fresh = drawn(row, box);
    const stays = shown ? boxes[boxes.indexOf(shown) + 1] === next : !next;
    if (shown) await morph(shown.querySelector("[data-conversation]"), fresh.querySelector("[data-conversation]").outerHTML);
    if (!stays && busy) {
      hold(held.add(`conversation-${row.id}`));
      continue;
    }
    if (shown) shown.dataset.order = fresh.dataset.order;
    if (!shown || !stays) box.insertBefore(shown ?? document.adoptNode(fresh), next ?? null);
  }
});

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
  document.addEventListener("live:row", ({ detail }) => {
    coming.push(detail);
    putRow();
  });
  document.addEventListener("live:conversation", ({ detail }) => {
    if (!detail.drawn) refreshList();
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
  // A search or a longer list that was asked for before a row came may be without it.
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    ctx.askedAt = performance.now();
  });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx.target?.id === "conversations" && ctx.askedAt < pushed) refreshList();
  });
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
