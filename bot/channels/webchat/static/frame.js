// The chat: puts its parts together.

import { Bubbles } from "./bubble.js";
import { Composer } from "./composer.js";
import { Host } from "./host.js";
import { newKey, Outbox } from "./outbox.js";
import { Refused, Server } from "./server.js";
import { Store } from "./store.js";
import { Thread } from "./thread.js";
import { element } from "./words.js";

const RETRY = [300, 1000, 2000, 4000, 8000, 15_000];
const OFFLINE_AFTER = 1500; // a blink of the connection is not worth a word
const TYPING_AGAIN = 4000;
const TYPING_LASTS = 6000;
const REST = 60_000; // a page that nobody sees lets its connection go after this long

class Chat {
  constructor(config) {
    this.config = config;
    this.t = config.texts;
    this.store = new Store(config.site);
    this.server = new Server(config.site, this.store.get("visitor", ""));
    this.context = {};
    this.cursor = 0;
    this.began = false; // there is a conversation to follow
    this.isOpen = window.parent === window;
    this.readUpTo = this.store.get("read", 0);
    this.told = { up_to: 0, read: 0 };
    const bubbles = new Bubbles(config.locale, this.t, {
      press: (message, key, button) => this.press(message, key, button),
      contact: () => this.composer.askPhone(true),
      reply: (message) => this.composer.answer(message),
      again: (key) => this.outbox.again(key),
    });
    this.thread = new Thread(bubbles, config.locale, this.t, { onLook: () => this.look() });
    this.composer = new Composer(this.store, this.t, config.most, {
      send: (said) => this.say(said),
      phone: (number) => this.outbox.put("contact", { phone: number, ...this.about() }, { contact: number }),
      upload: async (file, onProgress) => {
        await this.begun;
        return this.server.upload(file, onProgress);
      },
      toast: (text) => this.toast(text),
      typing: () => this.tellTyping(),
    });
    this.host = new Host(config.origins, {
      open: (how) => this.opened(how),
      close: () => { this.isOpen = false; },
      page: (context) => { this.context = context; },
    });
    this.listen();
    this.begun = this.begin();
    this.outbox = new Outbox(this.server, this.store, {
      ready: this.begun,
      onState: (deed) => this.showDeed(deed),
      onReach: (reached) => this.reach(reached),
    });
  }

  listen() {
    document.getElementById("close").addEventListener("click", () => this.host.close());
    document.getElementById("close").hidden = !this.host.inside;
    document.getElementById("older").addEventListener("click", () => this.older());
    document.getElementById("sound").addEventListener("click", () => this.setSound(!this.sound));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (!document.getElementById("phone").hidden) this.composer.askPhone(false);
      else if (this.composer.replyTo) this.composer.answer(null);
      else this.host.close();
    });
    document.addEventListener("visibilitychange", () => this.visibility());
    window.addEventListener("online", () => this.wake?.());
    this.setSound(this.store.get("sound", false));
  }

  // The beginning, and the life of the connection

  async begin() {
    for (let tries = 0; ; tries++) {
      try {
        const session = await this.server.post("session");
        this.server.visitor = session.visitor;
        this.store.set("visitor", session.visitor);
        this.reach(true);
        this.start(session);
        return;
      } catch (failure) {
        if (failure instanceof Refused && failure.status !== 429) return this.toast(this.t.not_done);
        this.reach(false);
        await this.pause(RETRY[Math.min(tries, RETRY.length - 1)]);
      }
    }
  }

  start(session) {
    this.began = session.cursor > 0;
    if (!session.more) this.greet();
    document.getElementById("older").hidden = !session.more;
    this.news(session, { first: true });
    for (const deed of this.outbox.deeds) this.showDeed(deed);
    this.thread.toEnd();
    if (this.began) this.follow();
    document.body.dataset.ready = "yes";
  }

  greet() {
    const { text, spans } = this.config.greeting;
    if (this.began) return;
    this.thread.show([{ key: "greeting", id: 0, author: "bot", greeting: true, at: Date.now(), text, spans, version: 1 }]);
    this.drawKeys();
  }

  async follow() {
    if (this.following) return;
    this.following = true;
    for (let tries = 0; ; ) {
      this.connection = new AbortController();
      try {
        await this.server.follow(this.cursor, this.connection.signal, (news) => {
          tries = 0;
          this.reach(true);
          if ("typing" in news) this.showTyping(news.typing);
          else this.news(news);
        });
      } catch { /* a lost connection is told by what follows */ }
      if (this.resting) {
        this.following = false;
        return;
      }
      if (tries) this.reach(false);
      await this.pause(RETRY[Math.min(tries++, RETRY.length - 1)] * (0.75 + Math.random() / 2));
    }
  }

  pause(milliseconds) {
    return new Promise((done) => {
      const timer = setTimeout(done, milliseconds);
      this.wake = () => { clearTimeout(timer); done(); };
    });
  }

  visibility() {
    clearTimeout(this.restTimer);
    if (document.hidden) {
      if (!this.sound) this.restTimer = setTimeout(() => { this.resting = true; this.connection?.abort(); }, REST);
      return;
    }
    this.resting = false;
    this.wake?.();
    if (this.began) this.follow();
    this.look();
  }

  reach(reached) {
    clearTimeout(this.offlineTimer);
    const banner = document.getElementById("offline");
    if (reached) banner.hidden = true;
    else this.offlineTimer = setTimeout(() => { banner.hidden = false; }, OFFLINE_AFTER);
  }

  // What comes

  news(page, { first = false } = {}) {
    this.cursor = Math.max(this.cursor, page.cursor);
    if (page.cursor) this.began = true;
    const fresh = this.thread.show(page.messages);
    const theirs = fresh.filter((message) => message.author !== "buyer");
    this.leader = page.leader;
    this.showTyping("");
    this.drawKeys();
    this.look(page.messages.filter((message) => message.author !== "buyer"));
    if (theirs.length && !first && this.sound) this.beep();
  }

  /** Under the shop's name: who writes, for some seconds, or who leads the talk. */
  showTyping(name) {
    clearTimeout(this.typingTimer);
    const leads = this.leader ? this.t.leads.replace("{name}", this.leader) : this.t.answers_soon;
    document.getElementById("status").textContent = name ? this.t.typing.replace("{name}", name) : leads;
    if (name) this.typingTimer = setTimeout(() => this.showTyping(""), TYPING_LASTS);
  }

  /** The shop is told that we write, if it knows of us. */
  tellTyping() {
    if (!this.began || Date.now() - (this.typedAt ?? 0) < TYPING_AGAIN) return;
    this.typedAt = Date.now();
    this.server.post("typing").catch(() => {}); // worth a moment and no more
  }

  async older() {
    const button = document.getElementById("older");
    button.disabled = true;
    try {
      const page = await this.server.get("messages", { before: this.thread.oldest() });
      this.thread.show(page.messages, { older: true });
      button.hidden = !page.more;
    } catch {
      this.toast(this.t.not_done);
    }
    button.disabled = false;
  }

  // Tell the shop what has come and what was read, and the page how much was not.
  look(came = []) {
    const looking = this.isOpen && !document.hidden && this.thread.stuck;
    const newest = this.thread.newest((message) => message.author !== "buyer");
    if (looking && newest > this.readUpTo) {
      this.readUpTo = newest;
      this.store.set("read", newest);
    }
    const unread = [...this.thread.messages.values()]
      .filter((message) => message.author !== "buyer" && message.id > this.readUpTo && !message.greeting).length;
    this.host.unread(unread);
    const news = came.some((message) => message.delivery === "sent" || message.delivery === "unknown"
      || (looking && message.delivery === "delivered"));
    if (newest && (news || (looking && newest > this.told.read) || newest > this.told.up_to)) this.tellSeen(newest, looking);
  }

  tellSeen(upTo, read) {
    this.told = { up_to: upTo, read: read ? upTo : this.told.read };
    this.seen = { up_to: upTo, read };
    if (this.seenTimer) return;
    this.seenTimer = setTimeout(() => {
      this.seenTimer = null;
      this.server.post("seen", this.seen).catch(() => { this.told = { up_to: 0, read: 0 }; });
    }, 250);
  }

  // What goes

  about() {
    return { locale: this.config.locale, context: this.context };
  }

  say({ text, files, replyTo }) {
    const form = { text, files: files.map((file) => file.token), reply_to: replyTo ? replyTo.key : "", ...this.about() };
    const media = files.map((file) => ({ kind: file.kind, url: file.url, local: file.preview, name: file.name, size: file.size }));
    const quote = replyTo && { id: replyTo.id, author: replyTo.author, text: (replyTo.text || "").slice(0, 120) };
    this.outbox.put("message", form, { text, media, reply_to: quote });
  }

  showDeed(deed) {
    if (deed.state === "accepted") {
      this.began = true;
      this.host.spoke();
      this.follow();
    }
    if (deed.path === "start") return;
    const { form, shown, state, at } = deed;
    this.thread.show([{
      key: form.key, author: "buyer", at, state, version: 0, spans: [],
      text: shown.text || "", contact: shown.contact, media: shown.media || [], reply_to: shown.reply_to || undefined,
    }]);
  }

  async press(message, key, button) {
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await this.server.post("press", { key: newKey(), button: key.name, ...this.about() });
      if (answer.text) this.toast(answer.text, { alert: answer.alert });
    } catch (failure) {
      this.toast(failure instanceof Refused && failure.status === 429 ? this.t.too_fast : this.t.not_done);
    }
    button.removeAttribute("aria-busy");
  }

  drawKeys() {
    const keys = this.thread.keyboard() ?? this.config.greeting.keyboard;
    const chips = document.getElementById("chips");
    const signature = JSON.stringify(keys);
    if (chips.dataset.signature === signature) return;
    chips.dataset.signature = signature;
    chips.hidden = !keys.length;
    chips.replaceChildren(...keys.flat().map((key) => {
      const chip = element("button", { type: "button", class: key.contact ? "chip primary" : "chip", text: key.label });
      chip.addEventListener("click", () => {
        if (key.contact) this.composer.askPhone(true);
        else this.say({ text: key.label, files: [], replyTo: null });
      });
      return chip;
    }));
  }

  // Around

  opened({ draft = "", start = "" }) {
    this.isOpen = true;
    if (draft) this.composer.draft(draft);
    if (start) this.outbox.put("start", { start, ...this.about() });
    this.thread.toEnd();
    this.look();
    if (matchMedia("(hover: hover)").matches || draft) this.composer.text.focus();
    else document.querySelector("h1").focus();
  }

  toast(text, { alert = false } = {}) {
    const toast = document.getElementById("toast");
    clearTimeout(this.toastTimer);
    toast.textContent = text;
    toast.classList.toggle("strong", alert);
    this.toastTimer = setTimeout(() => { toast.textContent = ""; }, alert ? 8000 : 2500);
  }

  setSound(on) {
    this.sound = on;
    this.store.set("sound", on);
    const button = document.getElementById("sound");
    button.setAttribute("aria-pressed", String(on));
    button.setAttribute("aria-label", on ? this.t.sound_off : this.t.sound_on);
    button.title = on ? this.t.sound_off : this.t.sound_on;
    button.querySelector("use").setAttribute("href", on ? "#i-sound" : "#i-mute");
  }

  beep() {
    this.audio ??= new AudioContext();
    const tone = this.audio.createOscillator();
    const volume = this.audio.createGain();
    const now = this.audio.currentTime;
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.06, now);
    volume.gain.exponentialRampToValueAtTime(0.0001, now + 0.25);
    tone.connect(volume).connect(this.audio.destination);
    tone.start(now);
    tone.stop(now + 0.25);
  }
}

new Chat(JSON.parse(document.getElementById("config").textContent));
