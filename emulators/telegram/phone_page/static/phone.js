// The phone in the browser: sends what the person does, shows what comes. The server renders every piece of HTML.

const { person, bot, lang } = document.body.dataset;
const words = document.body.dataset;
const suffix = lang === "en" ? "?lang=en" : "";
const $ = (id) => document.getElementById(id);
const messages = $("messages");
const bottom = $("bottom");
const field = $("text");
const PRESS_PATIENCE = 15000;
const TYPING_LASTS = 5500;
const NEAR_END = 80;

// Acts

async function act(name, fields = {}) {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  try {
    const response = await fetch(`/phone/${person}/${bot}/${name}`, { method: "POST", body, headers: { "X-Phone": "1" } });
    if (!response.ok) throw new Error(response.statusText);
    return true;
  } catch {
    toast(words.failed);
    return false;
  }
}

let toastTimer = 0;
function toast(text) {
  const box = $("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.hidden = true), 3500);
}

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

// Messages

const atEnd = () => messages.scrollHeight - messages.scrollTop - messages.clientHeight < NEAR_END;

function toEnd() {
  messages.scrollTop = messages.scrollHeight;
  $("below").hidden = true;
  unseen = 0;
}

let unseen = 0;
function showMessage({ key, html }) {
  const next = fragment(html).firstElementChild;
  const current = $(key);
  const follow = atEnd() || next.classList.contains("out");
  if (current) {
    change(current, next);
  } else {
    next.classList.add("fresh");
    messages.append(next);
    if (bottom.dataset.state === "start" && next.classList.contains("out")) bottom.dataset.state = "open";
  }
  days();
  if (follow) return toEnd();
  if (!current) {
    unseen += 1;
    const badge = $("below").querySelector(".badge");
    badge.textContent = unseen;
    badge.hidden = false;
    $("below").hidden = false;
  }
}

// Put the new look in place of the old one, keeping pictures that are loaded, the focus and the keys that wait.
function change(current, next) {
  for (const picture of next.querySelectorAll("img,video,audio")) {
    const loaded = [...current.querySelectorAll(picture.tagName)].find((each) => each.getAttribute("src") === picture.getAttribute("src"));
    if (loaded) picture.replaceWith(loaded);
  }
  const buttons = [...current.querySelectorAll("button")];
  const focused = buttons.indexOf(document.activeElement);
  for (const busy of current.querySelectorAll("[data-press][aria-busy]")) {
    const same = [...next.querySelectorAll("[data-press]")].find((each) => each.dataset.press === busy.dataset.press);
    same?.setAttribute("aria-busy", "true");
    if (same) setTimeout(() => same.removeAttribute("aria-busy"), PRESS_PATIENCE);
  }
  current.replaceWith(next);
  if (focused >= 0) next.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
}

function removeMessage({ key }) {
  const number = key.replace("message-", "");
  for (const each of messages.querySelectorAll(`[data-message="${number}"]`)) {
    const album = each.closest(".grid");
    if (album && album.children.length > 1 && !each.matches("article")) each.remove();
    else (each.matches("article") && each.querySelectorAll("[data-message]").length > 1 ? each.querySelector("[data-message]") : each.closest("article")).remove();
  }
  days();
}

// A line with the date wherever the day changes.
function days() {
  for (const line of messages.querySelectorAll(".day")) line.remove();
  let day = "";
  for (const message of messages.querySelectorAll("article")) {
    if (message.dataset.day === day) continue;
    day = message.dataset.day;
    const line = document.createElement("p");
    line.className = "day";
    line.textContent = day;
    message.before(line);
  }
}

function answerPress({ message, data, text, show_alert: alert }) {
  const pressed = messages.querySelectorAll(`[data-message="${message}"] [data-press], article[data-message="${message}"] [data-press]`);
  for (const key of pressed) if (key.dataset.press === data) key.removeAttribute("aria-busy");
  if (!text) return;
  if (!alert) return toast(text);
  $("alert").querySelector("p").textContent = text;
  $("alert").showModal();
}

// The rest of the chat

let typingTimer = 0;
function stand({ state, typing, keys, placeholder }) {
  if (!bottom) return;
  if (!(bottom.dataset.state === "start" && state === "open" && bottom.querySelector(".start").dataset.payload)) bottom.dataset.state = state;
  status(typing);
  if ($("keys").innerHTML.trim() !== keys.trim()) {
    const follow = atEnd();
    $("keys").innerHTML = keys;
    $("toggle-keys").hidden = !keys.trim();
    showKeys(true);
    if (follow) toEnd();
  }
  field.placeholder = placeholder;
}

function status(typing) {
  const line = $("status");
  line.textContent = typing || line.dataset.usual;
  line.classList.toggle("busy", Boolean(typing));
  clearTimeout(typingTimer);
  if (typing) typingTimer = setTimeout(() => status(""), TYPING_LASTS);
}

function showKeys(open) {
  $("keys").hidden = !open;
  $("toggle-keys").setAttribute("aria-expanded", String(open));
}

function showRow({ bot: number, html, unread }) {
  const row = $(`row-${number}`);
  if (row) {
    const next = fragment(html).firstElementChild;
    const focused = document.activeElement === row;
    row.replaceWith(next);
    if ($("rows").firstElementChild !== next && unread) $("rows").prepend(next);
    if (focused) next.focus();
  }
  const others = $("others");
  if (others) {
    elsewhere.set(number, unread);
    const sum = [...elsewhere.values()].reduce((a, b) => a + b, 0);
    others.textContent = sum || "";
    others.hidden = !sum;
  }
}
const elsewhere = new Map();

// Live changes; the browser itself asks again with the last id it saw.

const HANDLERS = { message: showMessage, deleted: removeMessage, answer: answerPress, standing: stand, row: showRow, reload: () => location.reload() };

function listen() {
  const query = new URLSearchParams({ after: words.after, lang, ...(bot && { bot }) });
  const source = new EventSource(`/phone/${person}/events?${query}`);
  let warning = 0;
  source.onopen = () => {
    clearTimeout(warning);
    warning = 0;
    $("offline").hidden = true;
  };
  source.onerror = () => {
    warning ||= setTimeout(() => ($("offline").hidden = false), 1500);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
  };
  source.onmessage = (event) => {
    for (const change of JSON.parse(event.data)) HANDLERS[change.type]?.(change);
    if (bot && !document.hidden) look();
  };
  addEventListener("pagehide", () => source.close());
}

let lookTimer = 0;
function look() {
  clearTimeout(lookTimer);
  lookTimer = setTimeout(() => fetch(`/phone/${person}/${bot}/read`, { method: "POST", headers: { "X-Phone": "1" } }).catch(() => {}), 300);
}

// The message field

const draftKey = `draft-${person}-${bot}`;
let context = null;
let chosen = [];

function grow() {
  field.style.height = "auto";
  if (field.scrollHeight) field.style.height = `${field.scrollHeight}px`;
}

function setContext(next) {
  context = next;
  const box = $("context");
  box.hidden = !next;
  if (!next) return;
  const what = box.querySelector(".what");
  what.textContent = next.kind === "edit" ? what.dataset.editing : what.dataset.replying;
  box.querySelector(".line").textContent = next.line;
  field.focus();
}

function showChosen() {
  const list = $("chosen");
  list.replaceChildren(
    ...chosen.map((file) => {
      const item = document.createElement("li");
      if (file.type.startsWith("image/")) {
        const picture = document.createElement("img");
        picture.src = URL.createObjectURL(file);
        picture.alt = file.name;
        picture.onload = () => URL.revokeObjectURL(picture.src);
        item.append(picture);
      } else item.append(file.name);
      const remove = document.createElement("button");
      remove.type = "button";
      remove.textContent = "×";
      remove.setAttribute("aria-label", `${words.remove}: ${file.name}`);
      remove.onclick = () => {
        chosen = chosen.filter((each) => each !== file);
        showChosen();
      };
      item.append(remove);
      return item;
    }),
  );
  list.hidden = !chosen.length;
}

async function send() {
  const text = field.value.trim();
  const files = chosen;
  if (!text && !files.length) return;
  const former = context;
  field.value = "";
  chosen = [];
  setContext(null);
  showChosen();
  grow();
  let done;
  if (files.length) {
    const form = new FormData();
    form.append("caption", text);
    if (former?.kind === "reply") form.append("reply_to", former.message);
    for (const file of files) form.append("file", file, file.name);
    done = await act("files", form);
  } else if (former?.kind === "edit") done = await act("edit", { message: former.message, text });
  else done = await act("say", { text, ...(former && { reply_to: former.message }) });
  if (done) return sessionStorage.removeItem(draftKey);
  field.value = text;
  chosen = files;
  showChosen();
  grow();
}

// What is pressed

function press(key) {
  const article = key.closest("article");
  key.setAttribute("aria-busy", "true");
  setTimeout(() => key.removeAttribute("aria-busy"), PRESS_PATIENCE);
  act("press", { message: article.dataset.message, data: key.dataset.press }).then((done) => done || key.removeAttribute("aria-busy"));
}

function shareContact() {
  const dialog = $("share");
  dialog.onclose = () => dialog.returnValue === "yes" && act("contact");
  dialog.returnValue = "";
  dialog.showModal();
}

function onClick(event) {
  const key = event.target.closest("button,.spoiler");
  if (!key) return;
  const { press: data, key: label, say, act: name, reply, edit, copy, line, signs, sign, remove } = key.dataset;
  if (signs) return chooseSign(key);
  if (key.classList.contains("spoiler")) key.classList.add("shown");
  else if (data !== undefined) key.getAttribute("aria-busy") || press(key);
  else if ("contact" in key.dataset) shareContact();
  else if (label !== undefined) act("tap", { label });
  else if (sign !== undefined) act("react", { message: signed, sign });
  else if (remove) act("remove", { message: remove });
  else if (say) act("say", { text: say });
  else if (reply) setContext({ kind: "reply", message: reply, line });
  else if (edit) {
    setContext({ kind: "edit", message: edit, line });
    field.value = line;
    grow();
  } else if (copy) navigator.clipboard?.writeText(copy).then(() => toast(words.copied));
  else if (name) {
    act(name, { ...(key.dataset.payload && { payload: key.dataset.payload }), ...(key.dataset.name && { name: key.dataset.name }), ...(key.dataset.retailer && { retailer: key.dataset.retailer }) });
    if (name === "start") {
      key.dataset.payload = "";
      history.replaceState(null, "", location.pathname + suffix);
    }
  }
  key.closest("[popover]")?.hidePopover();
}

let signed = "";

function chooseSign(key) {
  const menu = $("signs-menu");
  signed = key.dataset.signs;
  menu.showPopover();
  const at = key.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.max(8, at.top - menu.offsetHeight - 4)}px`;
}

function placeMenu(menu) {
  menu.addEventListener("toggle", () => {
    if (!menu.matches(":popover-open")) return;
    const opener = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
    const right = opener.left + menu.offsetWidth > innerWidth - 8 || menu.classList.contains("top");
    menu.style.left = `${right ? opener.right - menu.offsetWidth : opener.left}px`;
    menu.style.top = `${menu.classList.contains("top") ? opener.bottom + 4 : opener.top - menu.offsetHeight - 8}px`;
  });
}

document.addEventListener("click", onClick);
if (bot) {
  days();
  toEnd();
  field.value = sessionStorage.getItem(draftKey) ?? "";
  grow();
  field.addEventListener("input", () => {
    sessionStorage.setItem(draftKey, field.value);
    grow();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape") setContext(null);
  });
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  $("context").querySelector("button").addEventListener("click", () => setContext(null));
  for (const input of document.querySelectorAll("[data-files]")) {
    input.addEventListener("change", () => {
      chosen = [...chosen, ...input.files].slice(0, 10);
      input.value = "";
      input.closest("[popover]").hidePopover();
      showChosen();
      field.focus();
    });
  }
  $("toggle-keys").addEventListener("click", () => showKeys($("keys").hidden));
  $("below").addEventListener("click", () => toEnd());
  messages.addEventListener("scroll", () => atEnd() && toEndQuietly(), { passive: true });
  messages.addEventListener("load", () => unseen || atEnd() && toEnd(), true);
  messages.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && event.target.matches(".spoiler")) event.target.classList.add("shown");
  });
  document.addEventListener("visibilitychange", () => document.hidden || look());
  for (const menu of document.querySelectorAll(".menu:not(.signs)")) placeMenu(menu);
}
function toEndQuietly() {
  unseen = 0;
  $("below").hidden = true;
}
listen();
