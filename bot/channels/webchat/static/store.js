// What the browser keeps for one site; in memory where it keeps nothing for pages inside pages.

export class Store {
  constructor(site) {
    this.prefix = `webchat:${site}:`;
    this.memory = new Map();
  }

  get(name, otherwise) {
    let text = this.memory.get(name);
    try {
      text = localStorage.getItem(this.prefix + name) ?? text;
    } catch { /* storage is off */ }
    if (text === undefined || text === null) return otherwise;
    try {
      return JSON.parse(text);
    } catch {
      return otherwise;
    }
  }

  set(name, value) {
    const text = JSON.stringify(value);
    this.memory.set(name, text);
    try {
      localStorage.setItem(this.prefix + name, text);
    } catch { /* storage is off or full */ }
  }
}
