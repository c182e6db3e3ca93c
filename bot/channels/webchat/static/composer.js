// Where the visitor writes: text, files, an answer to something, a phone number.

import { element, icon } from "./words.js";

export class Composer {
  // acts: send({text, files, replyTo}), phone(number), upload(file, onProgress), toast(text), typing()
  constructor(store, texts, most, acts) {
    this.store = store;
    this.t = texts;
    this.most = most;
    this.acts = acts;
    this.files = [];
    this.replyTo = null;
    this.form = document.getElementById("composer");
    this.text = document.getElementById("text");
    this.button = document.getElementById("send");
    this.picker = document.getElementById("picker");
    this.quoted = document.getElementById("quoted");
    this.fileList = document.getElementById("files");
    this.phoneForm = document.getElementById("phone");
    this.number = document.getElementById("number");
    this.mistake = document.getElementById("mistake");
    this.text.maxLength = most.text;
    this.text.value = store.get("draft", "");
    this.listen();
    this.grow();
  }

  listen() {
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    this.text.addEventListener("input", () => { this.grow(); this.store.set("draft", this.text.value); if (this.text.value.trim()) this.acts.typing(); });
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    });
    this.text.addEventListener("paste", (event) => {
      if (event.clipboardData.files.length) { event.preventDefault(); this.attach(event.clipboardData.files); }
    });
    document.getElementById("attach").addEventListener("click", () => this.picker.click());
    this.picker.addEventListener("change", () => { this.attach(this.picker.files); this.picker.value = ""; });
    this.quoted.querySelector("button").addEventListener("click", () => this.answer(null));
    this.phoneForm.addEventListener("submit", (event) => { event.preventDefault(); this.sendPhone(); });
    document.getElementById("phone-cancel").addEventListener("click", () => this.askPhone(false));
    this.listenForDrops();
  }

  listenForDrops() {
    const veil = document.getElementById("drop");
    const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
    document.addEventListener("dragover", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      veil.hidden = false;
    });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) veil.hidden = true; });
    document.addEventListener("drop", (event) => {
      veil.hidden = true;
      if (!carriesFiles(event)) return;
      event.preventDefault();
      this.attach(event.dataTransfer.files);
    });
  }

  grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 132)}px`;
    this.button.disabled = !this.ready();
  }

  ready() {
    const waiting = this.files.some((one) => !one.token);
    return !waiting && Boolean(this.text.value.trim() || this.files.length);
  }

  send() {
    if (!this.ready()) return;
    const text = this.text.value.trim().slice(0, this.most.text);
    this.acts.send({ text, files: this.files, replyTo: this.replyTo });
    this.text.value = "";
    this.store.set("draft", "");
    this.files = [];
    this.drawFiles();
    this.answer(null);
    this.grow();
    this.text.focus();
  }

  draft(text) {
    if (!this.text.value.trim()) this.text.value = text;
    this.store.set("draft", this.text.value);
    this.grow();
    this.text.setSelectionRange(this.text.value.length, this.text.value.length);
  }

  answer(message) {
    this.replyTo = message;
    this.quoted.hidden = !message;
    if (!message) return;
    const words = message.text || this.t[message.media?.[0]?.kind] || "";
    this.quoted.querySelector("p").textContent = `${this.t.reply_to}: ${words.slice(0, 120)}`;
    this.text.focus();
  }

  // Files

  attach(files) {
    for (const file of files) {
      if (this.files.length >= this.most.files) {
        this.acts.toast(this.t.too_many.replace("{count}", this.most.files));
        break;
      }
      if (file.size > this.most.bytes) {
        const megabytes = Math.round(this.most.bytes / 1_000_000);
        this.acts.toast(this.t.too_large.replace("{name}", file.name).replace("{megabytes}", megabytes));
        continue;
      }
      if (file.size) this.upload(file);
    }
  }

  async upload(file) {
    const one = { name: file.name, size: file.size, share: 0, preview: "" };
    if (file.type.startsWith("image/")) one.preview = URL.createObjectURL(file);
    this.files.push(one);
    this.drawFiles();
    try {
      const stored = await this.acts.upload(file, (share) => { one.share = share; this.drawShare(one); });
      one.token = stored.file;
      one.url = stored.url;
      one.kind = stored.kind;
    } catch {
      this.files = this.files.filter((other) => other !== one);
      this.acts.toast(this.t.upload_failed.replace("{name}", file.name));
    }
    this.drawFiles();
  }

  drawFiles() {
    this.fileList.replaceChildren(...this.files.map((one) => this.fileChip(one)));
    this.fileList.hidden = !this.files.length;
    this.button.disabled = !this.ready();
  }

  fileChip(one) {
    const chip = element("li", { class: one.token ? "file-chip" : "file-chip waiting" });
    if (one.preview) chip.append(element("img", { src: one.preview, alt: "" }));
    else chip.append(icon("document"));
    chip.append(element("span", { class: "file-name", text: one.name }));
    one.bar = element("progress", { max: 1, value: one.share, "aria-label": one.name, hidden: Boolean(one.token) });
    chip.append(one.bar);
    const remove = element("button", { type: "button", class: "tool small", "aria-label": `${this.t.remove}: ${one.name}` }, icon("close"));
    remove.addEventListener("click", () => {
      this.files = this.files.filter((other) => other !== one);
      this.drawFiles();
      this.text.focus();
    });
    chip.append(remove);
    return chip;
  }

  drawShare(one) { if (one.bar) one.bar.value = one.share; }

  // A phone number

  askPhone(open) {
    this.phoneForm.hidden = !open;
    this.mistake.textContent = "";
    (open ? this.number : this.text).focus();
  }

  sendPhone() {
    const number = this.number.value.trim();
    const digits = number.replace(/\D/g, "").length;
    if (digits < 10 || digits > 15 || !/^[+0-9() .\-]{5,40}$/.test(number)) {
      this.mistake.textContent = this.t.phone_bad;
      this.number.focus();
      return;
    }
    this.acts.phone(number);
    this.askPhone(false);
  }
}
