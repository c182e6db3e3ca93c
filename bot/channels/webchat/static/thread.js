// The thread on the screen: messages in order, days between them, and where the reader is.

import { element } from "./words.js";

const NEAR = 80; // pixels from the end that still count as being at it

export class Thread {
  // onSeen(id, read) when messages of the shop have come, or stood before the reader
  constructor(bubbles, locale, texts, { onLook }) {
    this.bubbles = bubbles;
    this.t = texts;
    this.feed = document.getElementById("feed");
    this.list = document.getElementById("messages");
    this.downButton = document.getElementById("down");
    this.messages = new Map(); // key -> message
    this.nodes = new Map();
    this.below = 0;
    this.stuck = true;
    this.onLook = onLook;
    this.dayFormat = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long" });
    this.yearFormat = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
    this.feed.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.downButton.addEventListener("click", () => this.toEnd(true));
    this.list.addEventListener("click", (event) => this.follow(event));
    new ResizeObserver(() => this.stuck && this.toEnd()).observe(this.list);
    new ResizeObserver(() => this.stuck && this.toEnd()).observe(this.feed);
  }

  // Returns the messages that were not there before.
  show(messages, { older = false } = {}) {
    const height = this.feed.scrollHeight;
    const fresh = messages.filter((message) => this.put(message));
    this.days();
    if (older) this.feed.scrollTop += this.feed.scrollHeight - height;
    else if (this.stuck || fresh.some((message) => message.author === "buyer")) this.toEnd();
    else {
      this.below += fresh.filter((message) => message.author !== "buyer").length;
      this.drawDown();
    }
    return fresh;
  }

  put(message) {
    const known = this.messages.get(message.key);
    if (known && known.id && !message.id) return false;
    if (known && message.id && known.id && message.version < known.version) return false;
    this.messages.set(message.key, message);
    if (known && same(known, message)) return false;
    const old = this.nodes.get(message.key);
    const focused = old?.contains(document.activeElement) ? [...old.querySelectorAll("a, button")].indexOf(document.activeElement) : -1;
    const node = this.bubbles.draw(message, old);
    this.nodes.set(message.key, node);
    if (old) {
      const moved = Boolean(known.id) !== Boolean(message.id);
      if (moved) { old.remove(); this.insert(node, message); } else old.replaceWith(node);
      if (focused >= 0) [...node.querySelectorAll("a, button")][focused]?.focus({ preventScroll: true });
      return false;
    }
    this.insert(node, message);
    return true;
  }

  // By id; what has none yet stands at the end in the order it was said.
  insert(node, message) {
    const order = placeOf(message);
    let next = null;
    for (let item = this.list.lastElementChild; item; item = item.previousElementSibling) {
      const other = this.messages.get(item.dataset.key);
      if (!other) continue;
      if (placeOf(other) <= order) break;
      next = item;
    }
    this.list.insertBefore(node, next);
  }

  days() {
    let before = "";
    let previous = null;
    for (const item of [...this.list.children]) {
      if (item.classList.contains("day")) { item.remove(); continue; }
      const message = this.messages.get(item.dataset.key);
      const day = new Date(message.at).toDateString();
      if (day !== before && !message.greeting) {
        this.list.insertBefore(element("li", { class: "day" }, element("span", { text: this.dayWords(message.at) })), item);
        previous = null;
      }
      before = message.greeting ? before : day;
      const joined = previous && previous.author === message.author && previous.name === message.name
        && message.at - previous.at < 180_000;
      item.classList.toggle("joined", Boolean(joined));
      previous = message;
    }
  }

  dayWords(at) {
    const day = new Date(at);
    const today = new Date();
    const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
    if (day.toDateString() === today.toDateString()) return this.t.today;
    if (day.toDateString() === yesterday.toDateString()) return this.t.yesterday;
    return (day.getFullYear() === today.getFullYear() ? this.dayFormat : this.yearFormat).format(day);
  }

  remove(key) {
    this.nodes.get(key)?.remove();
    this.nodes.delete(key);
    this.messages.delete(key);
  }

  toEnd(smooth = false) {
    this.feed.scrollTo({ top: this.feed.scrollHeight, behavior: smooth ? "smooth" : "instant" });
    this.stuck = true;
    this.below = 0;
    this.drawDown();
  }

  scrolled() {
    const left = this.feed.scrollHeight - this.feed.scrollTop - this.feed.clientHeight;
    this.stuck = left < NEAR;
    if (this.stuck) this.below = 0;
    this.drawDown();
    if (this.stuck) this.onLook();
  }

  drawDown() {
    this.downButton.hidden = this.stuck;
    const badge = this.downButton.querySelector(".badge");
    badge.hidden = !this.below;
    badge.textContent = this.below;
  }

  follow(event) {
    const quote = event.target.closest(".quote");
    if (!quote) return;
    event.preventDefault();
    const target = this.list.querySelector(`[data-id="${CSS.escape(quote.dataset.target)}"]`);
    target?.scrollIntoView({ block: "center", behavior: "smooth" });
    target?.animate?.({ opacity: [0.4, 1] }, 600);
  }

  oldest() {
    const ids = [...this.messages.values()].map((message) => message.id).filter(Boolean);
    return ids.length ? Math.min(...ids) : null;
  }

  newest(author) {
    const ids = [...this.messages.values()].filter((message) => !author || author(message)).map((message) => message.id || 0);
    return Math.max(0, ...ids);
  }

  // The keys under the composer: those of the last message that set or removed them; undefined if none did.
  keyboard() {
    const setting = [...this.messages.values()]
      .filter((message) => message.keyboard?.length || message.drop_keyboard)
      .sort((a, b) => (a.id || 0) - (b.id || 0)).pop();
    return setting && (setting.keyboard?.length ? setting.keyboard : []);
  }
}

function placeOf(message) {
  return message.greeting ? 0 : message.id || Infinity;
}

function same(one, other) {
  const shown = ({ delivery, ...rest }) => JSON.stringify(rest);
  return shown(one) === shown(other);
}
