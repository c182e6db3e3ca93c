// The notification centre: the bell and its panel, the number in the title, and telling aloud: a toast where a tab is
// seen, a sound and the browser's own notification where the person wants them, once however many tabs are open.
import { fragment, oneAtATime, postOnLeaving } from "./server.js";
import { toast } from "./toast.js";

const TOLD = "told:latest"; // ids told aloud by this browser, so that none is told again after a break
const KEPT = 30;
const HEAR_OTHERS = 400; // ms in which a tab that is seen says so
const HOLD = 5000; // ms in which no other tab tells the same

const channel = "BroadcastChannel" in window ? new BroadcastChannel("prilavok-told") : null;
const seen = new Set();
const panel = () => document.getElementById("notifications");
const list = () => document.getElementById("told-box");
const isSeen = () => document.visibilityState === "visible";
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// --- the bell ---

const title = document.title;
const favicon = document.querySelector('link[rel="icon"]');

function showCount() {
  const unread = document.getElementById("nav-bell")?.dataset.unread ?? "";
  document.title = unread ? `(${unread}) ${title}` : title;
  if (!favicon) return;
  const plain = favicon.dataset.plain ?? (favicon.dataset.plain = favicon.href);
  const wanted = unread ? plain.replace("favicon.svg", "favicon-new.svg") : plain;
  if (favicon.href !== wanted) favicon.href = wanted;
}

function watchCount() {
  showCount();
  const bell = document.querySelector(".side [data-bell]");
  if (bell) new MutationObserver(showCount).observe(bell, { childList: true, subtree: true, attributes: true });
}

// --- the panel ---

const refresh = oneAtATime(async () => {
  const box = list();
  const html = box && (await fragment(box.dataset.list));
  if (html) await htmx.swap({ sourceElement: box, target: box, text: html, swap: "outerMorph" });
});

async function open() {
  const html = await fragment("/notifications");
  if (!html) return;
  await htmx.swap({ sourceElement: panel(), target: panel(), text: html, swap: "innerHTML" });
  if (!panel().open) panel().showModal();
}

function onClick(event) {
  const link = event.target.closest("[data-told]");
  if (link?.hasAttribute("data-unread")) postOnLeaving(`/notifications/${link.dataset.told}/read`);
  if (link && samePage(link.href)) panel().close();
  const bell = event.target.closest("[data-bell]");
  const byItself = event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0;
  if (!bell || byItself || list() || !matchMedia("(min-width: 768px)").matches) return;
  event.preventDefault();
  open();
}

const samePage = (href) => new URL(href).pathname === location.pathname;

// --- aloud ---

function isNew(id) {
  const told = JSON.parse(localStorage.getItem(TOLD) ?? "[]");
  if (told.includes(id)) return false;
  localStorage.setItem(TOLD, JSON.stringify([...told, id].slice(-KEPT)));
  return true;
}

function sound() {
  const context = new AudioContext();
  const volume = context.createGain();
  volume.gain.setValueAtTime(0.12, context.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.5);
  volume.connect(context.destination);
  for (const [hertz, after] of [[660, 0], [880, 0.14]]) {
    const tone = context.createOscillator();
    tone.frequency.value = hertz;
    tone.connect(volume);
    tone.start(context.currentTime + after);
    tone.stop(context.currentTime + 0.5);
  }
  setTimeout(() => context.close(), 1000);
}

function showInBrowser(id, { title: head, text, url }) {
  const shown = new Notification(head, { body: text, tag: `prilavok-${id}`, icon: favicon?.dataset.plain });
  shown.onclick = () => {
    window.focus();
    postOnLeaving(`/notifications/${id}/read`);
    location.assign(url);
    shown.close();
  };
}

const mayShow = () => "Notification" in window && Notification.permission === "granted";

/** In one tab of this browser alone; `one` are the data of the notification. */
async function once(id, one) {
  if (!isNew(id)) return;
  if ("sound" in one) sound();
  await pause(HEAR_OTHERS);
  if ("browser" in one && !isSeen() && !seen.has(id) && mayShow()) showInBrowser(id, one);
  await pause(HOLD);
}

/** What is about the very page before the person's eyes is read by that. */
async function tell(id) {
  if (isSeen()) channel?.postMessage({ seen: id });
  const html = await fragment(`/notifications/${id}`);
  const one = html && new DOMParser().parseFromString(html, "text/html").querySelector("[data-title]")?.dataset;
  if (!one) return;
  if (isSeen() && samePage(new URL(one.url, location.href).href)) postOnLeaving(`/notifications/${id}/read`);
  else if (isSeen()) toast(one.text ? `${one.title}: ${one.text}` : one.title, { url: one.url });
  if (navigator.locks) navigator.locks.request(`prilavok-told-${id}`, { ifAvailable: true }, (lock) => lock && once(id, one));
  else once(id, one);
}

// --- how the person is told, on his own page ---

function showPermission(form) {
  const wanted = form.elements.browser.checked;
  const permission = "Notification" in window ? Notification.permission : "denied";
  form.querySelector("[data-ask-permission]").hidden = !wanted || permission !== "default";
  form.querySelector("[data-denied]").hidden = !wanted || permission !== "denied";
}

function startChoices(form) {
  showPermission(form);
  form.addEventListener("change", () => showPermission(form));
  form.querySelector("[data-try-sound]").addEventListener("click", sound);
  form.querySelector("[data-ask-permission]").addEventListener("click", async () => {
    await Notification.requestPermission();
    showPermission(form);
  });
}

export function start() {
  if (!panel()) return;
  watchCount();
  channel?.addEventListener("message", ({ data }) => seen.add(data.seen));
  document.addEventListener("click", onClick);
  document.addEventListener("live:notification", ({ detail }) => {
    if (String(detail.staff) !== document.body.dataset.me) return;
    document.dispatchEvent(new CustomEvent("bell:changed"));
    refresh();
    if (detail.kind === "notification_added") tell(detail.id);
  });
  document.addEventListener("live:resync", refresh);
  const form = document.querySelector("[data-told-choices]");
  if (form) startChoices(form);
}
