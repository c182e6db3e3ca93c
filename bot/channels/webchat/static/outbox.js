// What the visitor said and the server does not have yet: kept over reloads, sent in order, each under one key.

import { Refused, Unreachable } from "./server.js";

const PATIENCE = [500, 1000, 2000, 4000, 8000, 15_000];

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

export class Outbox {
  // ready: a promise; onState(deed) after each change of its state, "sending", "accepted" or "failed"; onReach(bool)
  constructor(server, store, { ready, onState, onReach }) {
    this.ready = ready;
    this.server = server;
    this.store = store;
    this.onState = onState;
    this.onReach = onReach;
    this.deeds = store.get("outbox", []);
    this.busy = false;
    this.wake = () => {};
    window.addEventListener("online", () => this.wake());
    this.flush();
  }

  put(path, form, shown = {}) {
    const deed = { path, form: { key: newKey(), ...form }, shown, at: Date.now(), state: "sending" };
    this.deeds.push(deed);
    this.save();
    this.onState(deed);
    this.flush();
    return deed;
  }

  again(key) {
    const deed = this.deeds.find((one) => one.form.key === key);
    if (!deed) return;
    deed.state = "sending";
    this.save();
    this.onState(deed);
    this.flush();
  }

  async flush() {
    if (this.busy) return;
    this.busy = true;
    await this.ready;
    let tries = 0;
    for (let deed; (deed = this.deeds.find((one) => one.state === "sending")); ) {
      try {
        await this.server.post(deed.path, deed.form);
        tries = 0;
        this.onReach(true);
        deed.state = "accepted";
        this.deeds = this.deeds.filter((one) => one !== deed);
        this.save();
        this.onState(deed);
      } catch (failure) {
        const again = failure instanceof Unreachable || (failure instanceof Refused && failure.status === 429);
        if (!again) {
          deed.state = "failed";
          this.save();
          this.onState(deed);
          continue;
        }
        if (failure instanceof Unreachable) this.onReach(false);
        await this.pause(failure.after || PATIENCE[Math.min(tries++, PATIENCE.length - 1)]);
      }
    }
    this.busy = false;
  }

  pause(milliseconds) {
    return new Promise((done) => {
      const timer = setTimeout(done, milliseconds);
      this.wake = () => { clearTimeout(timer); done(); };
    });
  }

  // A picture's local address dies with the page, so it is not kept.
  save() {
    this.store.set("outbox", this.deeds.map((deed) => {
      const media = deed.shown.media?.map(({ local, ...rest }) => rest);
      return { ...deed, shown: { ...deed.shown, media } };
    }));
  }
}
