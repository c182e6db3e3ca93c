// The answer being written. It belongs to its person and conversation: see drafts.js.
import * as drafts from "./drafts.js";
import { posted } from "./server.js";
import { say } from "./texts.js";
import * as answerWindow from "./window.js";

const form = () => document.getElementById("composer");
const area = () => form().elements.text;
const mode = () => (form().elements.private.value ? "note" : "reply");
const part = (selector) => form().querySelector(selector);

const QUOTED = 120; // characters of what is answered

let sent = { mode: "reply", text: "" };

/** The key lives as long as the draft: sending it again after a failure is the same message, not a second one. */
function show() {
  const { text, key, again, reply_to, quoted } = drafts.draft(mode());
  if (area().value !== text) area().value = text;
  form().elements.key.value = key;
  form().elements.again.value = again;
  form().elements.reply_to.value = reply_to;
  part(".composer-reply").hidden = !reply_to;
  part("[data-quoted]").textContent = quoted;
  showFiles();
  count();
}

function write() {
  drafts.write(mode(), area().value);
  count();
}

function count() {
  const limit = Number(form().dataset.limit);
  const length = area().value.length;
  const place = part("[data-length]");
  const parts = mode() === "note" ? 1 : inParts(length, limit);
  const counted = mode() === "note" ? String(length) : `${length} / ${limit}`;
  place.textContent = parts > 1 ? `${counted}, ${form().dataset.inParts.replace("{n}", parts)}` : counted;
  place.classList.toggle("bad", parts > 1);
}

/** How many messages it becomes in the buyer's messenger: files that it does not show together, then the text. */
function inParts(length, limit) {
  const { caption, files, together } = JSON.parse(form().dataset.fits);
  const texts = Math.ceil(length / limit);
  let [parts, held, group] = [0, 0, null];
  for (const kind of [...form().elements.files.files].map(kindOf)) {
    if (held && held < files && group?.includes(kind)) held += 1;
    else [parts, held, group] = [parts + 1, 1, together.find((kinds) => kinds.includes(kind)) ?? null];
  }
  return parts && length <= caption ? parts : parts + texts;
}

const PICTURES = new Set(["image/jpeg", "image/png", "image/webp"]);

/** As the server takes it. */
const kindOf = (file) => (PICTURES.has(file.type) ? "photo" : "document");

function choose(name) {
  if (name === mode()) return;
  form().elements.private.value = name === "note" ? "1" : "";
  form().classList.toggle("composer-note", name === "note");
  for (const tab of form().querySelectorAll("[data-mode]")) tab.setAttribute("aria-selected", String(tab.dataset.mode === name));
  for (const it of form().querySelectorAll("[data-reply-only]")) it.hidden = name === "note";
  for (const it of form().querySelectorAll("[data-note-only]")) it.hidden = name !== "note";
  area().placeholder = name === "note" ? form().dataset.placeholderNote : (form().dataset.closed ?? form().dataset.placeholderReply);
  const label = name === "note" ? form().dataset.labelNote : form().dataset.labelReply;
  part("[data-send-label]").textContent = label;
  part('[type="submit"]').setAttribute("aria-label", label);
  area().disabled = name === "reply" && "closed" in form().dataset;
  show();
  area().focus();
}

/** What the message itself says, without what it answers. */
function words(message) {
  const bubble = message.querySelector(".bubble")?.cloneNode(true);
  bubble?.querySelector(".quote")?.remove();
  return bubble?.textContent.trim().slice(0, QUOTED) || say("attachment");
}

/** Answer this message of the thread, or none. */
function quote(message) {
  choose("reply");
  drafts.answer(message?.dataset.message ?? "", message ? words(message) : "");
  show();
  area().focus();
}

/** Files that are chosen here, and those of a message that was taken back, which the server has. */
function showFiles() {
  const chip = (name) => Object.assign(document.createElement("span"), { className: "chip", textContent: name });
  const { files } = drafts.draft(mode());
  const chips = [...files, ...[...form().elements.files.files].map((file) => file.name)].map(chip);
  if (files.length) chips.push(dropButton());
  part(".composer-files").replaceChildren(...chips);
  count();
}

function dropButton() {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "link-button" });
  button.textContent = say("drop_files");
  button.addEventListener("click", () => {
    drafts.dropFiles(mode());
    show();
    area().focus();
  });
  return button;
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
  const now = drafts.draft(sent.mode).text;
  drafts.said(sent.mode, now.startsWith(sent.text) ? now.slice(sent.text.length).trimStart() : now);
  form().elements.files.value = "";
  form().elements.mentioned.value = "";
  show();
  document.dispatchEvent(new CustomEvent("composer:sent"));
}

const isEmpty = () => !area().value.trim() && !form().elements.files.files.length && !drafts.draft(mode()).files.length;

/** Send, and what else the menu offers: "later", "close", "snooze", at a moment by its name or by the clock. */
function send(act, when = "", at = "") {
  if (isEmpty()) {
    area().focus();
    return;
  }
  const asked = { act, when, at };
  for (const name of Object.keys(asked)) form().elements[name].value = asked[name];
  form().requestSubmit();
  for (const name of Object.keys(asked)) form().elements[name].value = "";
}

function sendAs(button) {
  const own = button.closest("[data-menu-form]")?.querySelector("[data-own-time]");
  send(button.dataset.send, button.dataset.when ?? (own ? "own" : ""), own?.value ?? "");
}

/** A message that has not left comes back here, files and all. What is written here already stays before it. */
async function takeBack(url) {
  choose("reply");
  await drafts.save();
  const told = await posted(url, {});
  if (told === null) return;
  const back = JSON.parse(told);
  drafts.put("reply", back);
  show();
  area().focus();
}

function onKey(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  send(event.shiftKey && mode() === "reply" ? "close" : "");
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

/** What was typed while the page was still coming stands behind what was begun earlier. */
function keepTypedBefore() {
  const { value, defaultValue } = area();
  const { text } = drafts.draft(mode());
  if (value !== defaultValue) drafts.write(mode(), text && text !== defaultValue ? `${text}\n${value}` : value);
}

/** The messenger takes free words or takes none: `why` says that there, empty when it takes them. */
function close(why) {
  if (why) form().dataset.closed = why;
  else delete form().dataset.closed;
  if (mode() === "note") return;
  area().placeholder = why || form().dataset.placeholderReply;
  area().disabled = Boolean(why);
}

export function start() {
  if (!form()) return;
  drafts.open(form());
  keepTypedBefore();
  show();
  answerWindow.start(form().dataset.conversation, close);
  area().addEventListener("input", write);
  document.addEventListener("live:conversation", ({ detail }) => {
    if (String(detail.id) === form().dataset.conversation && ["message_added", "draft_left"].includes(detail.kind)) drafts.look().then(show);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") drafts.look().then(show);
    else drafts.save();
  });
  area().addEventListener("keydown", onKey);
  listenForFiles();
  form().addEventListener("click", (event) => {
    const tab = event.target.closest("[data-mode]");
    if (tab) choose(tab.dataset.mode);
    if (event.target.closest("[data-unquote]")) quote(null);
    const button = event.target.closest("[data-send]");
    if (button) sendAs(button);
  });
  form().addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("[data-own-time]")) return;
    event.preventDefault();
    sendAs(event.target.closest("[data-menu-form]").querySelector("[data-send]"));
  });
  document.addEventListener("click", (event) => {
    const back = event.target.closest("[data-take-back]");
    if (back) takeBack(back.dataset.takeBack);
  });
  form().addEventListener("htmx:before:request", (event) => {
    if (event.target !== form()) return;
    if (isEmpty()) {
      event.preventDefault();
      return;
    }
    drafts.hold();
    sent = { mode: mode(), text: area().value };
  });
  form().addEventListener("htmx:after:request", (event) => {
    if (event.target === form() && event.detail.ctx.response.status < 300) clear();
  });
  form().addEventListener("htmx:finally:request", (event) => {
    if (event.target === form()) drafts.resume();
  });
  document.getElementById("feed").addEventListener("click", (event) => {
    const button = event.target.closest("[data-quote]");
    if (button) quote(button.closest("[data-message]"));
  });
  document.getElementById("feed").addEventListener("dblclick", (event) => {
    const message = event.target.closest("[data-message]:has([data-quote])");
    if (message && !getSelection().toString().includes(" ")) quote(message);
  });
  document.addEventListener("key:reply", () => {
    choose("reply");
    area().focus();
  });
  document.addEventListener("key:note", () => choose("note"));
}
