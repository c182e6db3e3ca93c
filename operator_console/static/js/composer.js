// The answer being written: it belongs to its conversation and survives leaving, reloading and a lost connection.
const form = () => document.getElementById("composer");
const area = () => form().elements.text;
const mode = () => (form().elements.private.value ? "note" : "reply");
const slot = () => `draft:${form().dataset.conversation}:${mode()}`;
const part = (selector) => form().querySelector(selector);

const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

let sent = "";

/** The key lives as long as the draft: sending it again after a failure is the same message, not a second one. */
function keep() {
  const text = area().value;
  if (text) localStorage.setItem(slot(), JSON.stringify({ text, key: form().elements.key.value, mentioned: form().elements.mentioned.value }));
  else localStorage.removeItem(slot());
}

function restore() {
  const draft = JSON.parse(localStorage.getItem(slot()) ?? "null");
  area().value = draft?.text ?? "";
  form().elements.key.value = draft?.key ?? newKey();
  form().elements.mentioned.value = draft?.mentioned ?? "";
  count();
}

function count() {
  const limit = Number(form().dataset.limit);
  const length = area().value.length;
  const place = part("[data-length]");
  place.textContent = mode() === "note" ? String(length) : `${length} / ${limit}`;
  place.classList.toggle("bad", mode() === "reply" && length > limit);
}

function choose(name) {
  if (name === mode()) return;
  keep();
  form().elements.private.value = name === "note" ? "1" : "";
  form().classList.toggle("composer-note", name === "note");
  for (const tab of form().querySelectorAll("[data-mode]")) tab.setAttribute("aria-selected", String(tab.dataset.mode === name));
  for (const it of form().querySelectorAll("[data-reply-only]")) it.hidden = name === "note";
  for (const it of form().querySelectorAll("[data-note-only]")) it.hidden = name !== "note";
  area().placeholder = name === "note" ? form().dataset.placeholderNote : form().dataset.placeholderReply;
  const label = name === "note" ? form().dataset.labelNote : form().dataset.labelReply;
  part("[data-send-label]").textContent = label;
  part('[type="submit"]').setAttribute("aria-label", label);
  restore();
  area().focus();
}

function quote(message) {
  form().elements.reply_to.value = message?.dataset.message ?? "";
  part(".composer-reply").hidden = !message;
  if (!message) return;
  part("[data-quoted]").textContent = message.querySelector(".bubble")?.textContent.trim() ?? "";
  area().focus();
}

function showFiles() {
  const chips = [...form().elements.files.files].map((file) => {
    const chip = document.createElement("span");
    chip.className = "chip";
    chip.textContent = file.name;
    return chip;
  });
  part(".composer-files").replaceChildren(...chips);
}

function attach(files) {
  if (!files.length) return;
  const all = new DataTransfer();
  for (const file of [...form().elements.files.files, ...files]) all.items.add(file);
  form().elements.files.files = all.files;
  showFiles();
}

/** What was sent is taken away; what was typed meanwhile stays. */
function clear() {
  const rest = area().value.startsWith(sent) ? area().value.slice(sent.length).trimStart() : area().value;
  area().value = rest;
  form().elements.files.value = "";
  form().elements.key.value = newKey();
  form().elements.mentioned.value = "";
  showFiles();
  quote(null);
  keep();
  count();
  document.dispatchEvent(new CustomEvent("composer:sent"));
}

const isEmpty = () => !area().value.trim() && !form().elements.files.files.length;

function onKey(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  if (!isEmpty()) form().requestSubmit();
}

function listenForFiles() {
  form().elements.files.addEventListener("change", showFiles);
  area().addEventListener("paste", (event) => attach([...event.clipboardData.files]));
  form().addEventListener("dragover", (event) => {
    event.preventDefault();
    form().classList.add("is-dropping");
  });
  form().addEventListener("dragleave", () => form().classList.remove("is-dropping"));
  form().addEventListener("drop", (event) => {
    event.preventDefault();
    form().classList.remove("is-dropping");
    attach([...event.dataTransfer.files]);
  });
}

export function start() {
  if (!form()) return;
  restore();
  area().addEventListener("input", () => {
    keep();
    count();
  });
  area().addEventListener("keydown", onKey);
  listenForFiles();
  form().addEventListener("click", (event) => {
    const tab = event.target.closest("[data-mode]");
    if (tab) choose(tab.dataset.mode);
    if (event.target.closest("[data-unquote]")) quote(null);
  });
  form().addEventListener("htmx:before:request", (event) => {
    if (event.target !== form()) return;
    if (isEmpty()) event.preventDefault();
    sent = area().value;
  });
  form().addEventListener("htmx:after:request", (event) => {
    if (event.target === form() && event.detail.ctx.response.status < 300) clear();
  });
  document.getElementById("feed").addEventListener("dblclick", (event) => {
    const message = event.target.closest("[data-message]");
    if (message && !getSelection().toString().includes(" ")) quote(message);
  });
  document.addEventListener("key:reply", () => {
    choose("reply");
    area().focus();
  });
  document.addEventListener("key:note", () => choose("note"));
}
