// What is being written stands on the server, for this person and conversation. What the server has not confirmed yet is
// kept in the browser too, so that a lost connection or a closed window takes nothing.
import { fragment, newKey, quietly } from "./server.js";

const PAUSE = 700; // ms without a letter after which the draft is saved
const AGAIN = 5000; // ms until the next try when the server could not be reached

const modes = {}; // reply, note: {text, key, again, files, reply_to, quoted, saved}; again: the message taken back whose files go with it; reply_to: the one answered
let url = "";
let place = "";
let skew = 0; // the server's clock less ours, ms
let timer = null;
let saving = false;
let held = false;

const slot = (mode) => `draft:${place}:${mode}`;
const mark = ({ text, again, reply_to }) => `${again}:${reply_to}:${text}`;
const isSaved = (mode) => mark(modes[mode]) === modes[mode].saved;

function take(mode, draft) {
  const { text = "", key = "", again = "", files = [], reply_to = "", quoted = "" } = draft ?? {};
  modes[mode] = { text, key: key || newKey(), again, files, reply_to, quoted, saved: mark({ text, again, reply_to }) };
}

/** What this browser could not save the last time, if nobody has written anything newer elsewhere. */
function recover(mode, known) {
  const kept = JSON.parse(localStorage.getItem(slot(mode)) ?? "null");
  if (!kept || kept.at < (known?.at ?? 0)) localStorage.removeItem(slot(mode));
  else Object.assign(modes[mode], kept.draft);
}

/** The newest text and key of "reply" or "note". */
export const draft = (mode) => modes[mode];

export function open(form) {
  const known = JSON.parse(form.dataset.drafts);
  url = form.dataset.draftUrl;
  place = `${form.dataset.person}:${form.dataset.conversation}`;
  skew = Number(form.dataset.now) - Date.now();
  for (const mode of ["reply", "note"]) {
    take(mode, known[mode]);
    recover(mode, known[mode]);
  }
  if (!isSaved("reply") || !isSaved("note")) plan(PAUSE);
  addEventListener("pagehide", () => save({ leaving: true }));
  addEventListener("online", () => save());
}

export function write(mode, text) {
  change(mode, { text });
}

/** The files of the message that was taken back do not go with it. */
export function dropFiles(mode) {
  change(mode, { again: "", files: [] });
}

/** The answer is to this message, or to none. */
export function answer(reply_to, quoted) {
  change("reply", { reply_to, quoted });
}

function change(mode, to) {
  Object.assign(modes[mode], to);
  const { saved, ...draft } = modes[mode];
  localStorage.setItem(slot(mode), JSON.stringify({ draft, at: Date.now() + skew }));
  plan(PAUSE);
}

/** The message is said, and the server has forgotten its draft; `rest` was typed meanwhile. */
export function said(mode, rest) {
  take(mode, null);
  localStorage.removeItem(slot(mode));
  if (rest) write(mode, rest);
}

/** The server has made this the draft. */
export function put(mode, draft) {
  take(mode, draft);
  localStorage.removeItem(slot(mode));
}

function plan(pause) {
  clearTimeout(timer);
  timer = setTimeout(save, pause);
}

const unsaved = () => Object.keys(modes).filter((mode) => !isSaved(mode));

/** Save what is not saved. Not while one of them is on its way, so that an older text never comes after a newer one; an
 * answer and a note go side by side, for a page that is left has no time for one after the other. */
export async function save({ leaving = false } = {}) {
  clearTimeout(timer);
  if (!unsaved().length || held || (saving && !leaving)) return;
  saving = true;
  const reached = await Promise.all(unsaved().map((mode) => keep(mode, leaving)));
  saving = false;
  if (unsaved().length) plan(reached.every(Boolean) ? PAUSE : AGAIN);
}

/** Whether the server could be reached. */
async function keep(mode, leaving) {
  const { text, key, again, reply_to } = modes[mode];
  const answer = await quietly(url, { text, key, again, reply_to, private: mode === "note" ? "1" : "", leaving: leaving ? "1" : "" });
  if (answer && !held && modes[mode].key === key) confirm(mode, mark({ text, again, reply_to }), answer);
  return Boolean(answer);
}

function confirm(mode, saved, { late }) {
  if (late) {
    // The message of this key was sent from another window: what is written here is another one.
    modes[mode].key = newKey();
    return;
  }
  modes[mode].saved = saved;
  if (isSaved(mode)) localStorage.removeItem(slot(mode));
}

/** Nothing is saved while the message itself is on its way. */
export function hold() {
  held = true;
}

/** It is not on its way any more. */
export function resume() {
  held = false;
  plan(PAUSE);
}

/** What was written in another window or on another computer; the modes that are being written here stay, and those that
 * were saved or sent while the server was asked: its answer is older than they are. */
export async function look() {
  const before = Object.fromEntries(Object.keys(modes).map((mode) => [mode, isSaved(mode) && modes[mode].saved]));
  const told = await fragment(url);
  if (told === null || held) return;
  const known = JSON.parse(told);
  for (const mode of ["reply", "note"]) {
    const theirs = mark({ text: "", again: "", reply_to: "", ...known[mode] });
    if (isSaved(mode) && modes[mode].saved === before[mode] && theirs !== before[mode]) take(mode, known[mode]);
  }
}
