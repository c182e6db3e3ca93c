// One message as nodes.

import { element, icon, safeUrl, styledText } from "./words.js";

export class Bubbles {
  // acts: press(message, key, button), contact(), reply(message), again(key)
  constructor(locale, texts, acts) {
    this.t = texts;
    this.acts = acts;
    this.clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
    this.size = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  }

  // `old` is the node that shows an earlier state; its pictures move over, so that they do not blink.
  draw(message, old) {
    const mine = message.author === "buyer";
    const item = element("li", {
      class: `message ${mine ? "mine" : "theirs"} ${message.author}`,
      "data-key": message.key,
      "data-id": message.id,
    });
    const card = message.card;
    const body = element("div", { class: card ? `bubble card card-${card.kind}` : "bubble" });
    body.append(element("span", { class: "visually-hidden", text: `${this.author(message)}: ` }));
    if (message.reply_to) body.append(this.quote(message.reply_to));
    const media = this.media(message, old);
    if (media) body.append(media);
    const points = Array.from(message.text);
    let [from, to] = [0, points.length];
    if (card?.title) {
      body.append(this.cardHead(card));
      [from, to] = besides(points, card);
    }
    if (message.contact) body.append(element("p", { class: "contact" }, icon("phone"), message.contact));
    else if (to > from) {
      body.append(element("div", { class: "words" }, styledText(message.text, message.spans || [], from, to)));
    }
    if (!body.querySelector(".words, .contact, .media, .card-head")) {
      body.append(element("p", { class: "words faint", text: this.t.unreadable }));
    }
    item.append(body);
    if (message.rows?.length) item.append(this.buttons(message));
    item.append(this.meta(message, mine));
    return item;
  }

  author(message) {
    if (message.author === "buyer") return this.t.you;
    return message.name || this.t.shop;
  }

  quote(target) {
    const quote = element("a", { class: "quote", href: `#m${target.id}`, "data-target": target.id });
    quote.append(element("b", { text: target.author === "buyer" ? this.t.you : this.t.shop }), target.text || "…");
    return quote;
  }

  cardHead(card) {
    const head = element("div", { class: "card-head" });
    if (card.kind !== "product") head.append(icon(card.kind === "payment" ? "payment" : "order"));
    head.append(element("b", { class: "card-title", text: card.title }));
    if (card.price) head.append(element("span", { class: "card-price", text: card.price }));
    if (card.note) head.append(element("span", { class: "card-note", text: card.note }));
    return head;
  }

  media(message, old) {
    if (!message.media?.length) return null;
    const signature = message.media.map((one) => one.url || one.kind).join(" ");
    const before = old?.querySelector(".media");
    if (before?.dataset.signature === signature) return before;
    const box = element("div", { class: "media", "data-signature": signature });
    const photos = message.media.filter((one) => one.kind === "photo" && one.url);
    if (photos.length > 1) box.classList.add("album");
    for (const one of message.media) box.append(this.medium(one));
    return box;
  }

  medium(one) {
    const name = one.name || this.t[one.kind] || this.t.document;
    if (one.kind === "sticker" && !one.url) return element("span", { class: "sticker", text: one.emoji || "🙂" });
    if (!one.url) return element("p", { class: "gone", text: this.t.gone });
    if (one.kind === "photo" || one.kind === "sticker") {
      const picture = element("img", {
        src: one.local || `${one.url}?w=900`, alt: this.t[one.kind], loading: "lazy", decoding: "async",
        width: one.width || 320, height: one.height || 240,
      });
      return element("a", { class: "photo", href: one.url, target: "_blank", rel: "noopener" }, picture);
    }
    const link = element("a", { class: "file", href: one.url, target: "_blank", rel: "noopener", download: one.name || true });
    link.append(element("span", { class: "file-icon" }, icon("document")));
    const words = element("span", { class: "file-words" }, element("b", { text: name }));
    if (one.size) words.append(element("span", { text: this.bytes(one.size) }));
    link.append(words);
    return link;
  }

  bytes(size) {
    return size < 1_000_000 ? `${Math.max(1, Math.round(size / 1000))} KB` : `${this.size.format(size / 1_000_000)} MB`;
  }

  buttons(message) {
    const box = element("div", { class: "buttons" });
    for (const row of message.rows) {
      const line = element("div", { class: "buttons-row" });
      for (const key of row) line.append(this.button(message, key));
      box.append(line);
    }
    return box;
  }

  button(message, key) {
    if (key.url) {
      const href = safeUrl(key.url);
      const own = message.card?.kind === "payment";
      return element("a", { class: own ? "key primary" : "key", href: href || "#", target: "_blank", rel: "noopener" },
        element("span", { text: key.label }), icon("link"));
    }
    const button = element("button", { type: "button", class: "key" }, element("span", { text: key.label }));
    button.addEventListener("click", () => {
      if (key.contact) this.acts.contact();
      else this.acts.press(message, key, button);
    });
    return button;
  }

  meta(message, mine) {
    const meta = element("p", { class: "meta" });
    if (!mine && message.name) meta.append(element("span", { text: message.name }));
    const at = new Date(message.at);
    meta.append(element("time", { datetime: at.toISOString(), text: this.clock.format(at) }));
    if (message.edited) meta.append(element("span", { text: this.t.edited }));
    if (mine) meta.append(this.state(message));
    if (message.id) {
      const reply = element("button", { type: "button", class: "reply", "aria-label": this.t.reply, title: this.t.reply }, icon("reply"));
      reply.addEventListener("click", () => this.acts.reply(message));
      meta.append(reply);
    }
    return meta;
  }

  state(message) {
    if (message.state === "failed") {
      const again = element("button", { type: "button", class: "again", text: this.t.again });
      again.addEventListener("click", () => this.acts.again(message.key));
      return element("span", { class: "state bad" }, icon("warning"), this.t.failed, again);
    }
    const waiting = message.state === "sending" || message.state === "accepted";
    const words = waiting ? this.t.sending : this.t.sent;
    const state = element("span", { class: "state", role: "img", "aria-label": words, title: words });
    state.append(icon(waiting ? "clock" : "check"));
    return state;
  }
}

// The stretch of the text that says more than the card's head: its first and last lines often say the same again.
function besides(points, card) {
  const text = points.join("");
  const lines = text.split("\n");
  let [from, to] = [0, points.length];
  if (lines[0].trim() === card.title.trim()) from = Array.from(lines[0]).length;
  if (lines.length > 1 && lines.at(-1).trim() === `${card.price} · ${card.note}`) to -= Array.from(lines.at(-1)).length;
  while (from < to && points[from].trim() === "") from++;
  while (to > from && points[to - 1].trim() === "") to--;
  return [from, to];
}
