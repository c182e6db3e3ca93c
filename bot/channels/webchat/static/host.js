// The page of the shop that holds this iframe. It is spoken to by messages, and only if it is one that may hold us.

const MARK = "prilavok";

export class Host {
  // handlers: open({draft, start}), close(), page(context)
  constructor(origins, handlers) {
    this.inside = window.parent !== window;
    this.origin = null;
    this.waiting = [];
    this.anyone = origins.includes("*");
    this.allowed = new Set([...origins, location.origin]);
    this.handlers = handlers;
    window.addEventListener("message", (event) => this.hear(event));
    // It carries nothing, so whoever holds us may hear it; the answer tells who that is.
    if (this.inside) window.parent.postMessage({ [MARK]: "ready" }, "*");
  }

  hear(event) {
    const said = event.data;
    if (event.source !== window.parent || !said || typeof said[MARK] !== "string") return;
    if (!this.anyone && !this.allowed.has(event.origin)) return;
    this.origin = event.origin;
    for (const message of this.waiting.splice(0)) this.tell(...message);
    const handler = this.handlers[said[MARK]];
    if (handler) handler(said.body || {});
  }

  tell(what, body) {
    if (!this.inside) return;
    if (this.origin === null) this.waiting.push([what, body]);
    else window.parent.postMessage({ [MARK]: what, body }, this.origin);
  }

  close() { this.tell("close"); }
  unread(count) { this.tell("unread", { count }); }
  spoke() { this.tell("spoke"); }
}
