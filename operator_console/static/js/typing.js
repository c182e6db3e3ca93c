// Who else is writing here: colleagues and the buyer are told of us, and we of them.
import { fragment, quietly } from "./server.js";

const AGAIN = 4000; // ms between two times that it is told
const LASTS = 6000; // ms for which it is true after that

const place = () => document.getElementById("typing");
const form = () => document.getElementById("composer");

let toldAt = 0;
let timer = null;

/** Only of answers: a note is nobody's waiting. */
function tell() {
  const { text, private: isNote } = form().elements;
  if (isNote.value || !text.value.trim() || Date.now() - toldAt < AGAIN) return;
  toldAt = Date.now();
  quietly(place().dataset.url, {});
}

async function show() {
  const html = await fragment(place().dataset.url);
  if (html === null) return;
  place().innerHTML = html;
  clearTimeout(timer);
  timer = setTimeout(show, LASTS);
  if (!place().childElementCount) clearTimeout(timer);
}

export function start() {
  if (!place() || !form()) return;
  form().elements.text.addEventListener("input", tell);
  document.addEventListener("composer:sent", () => (toldAt = 0));
  document.addEventListener("live:typing", ({ detail: { id, staff } }) => {
    if (String(id) === form().dataset.conversation && String(staff) !== form().dataset.person) show();
  });
  document.addEventListener("live:conversation", ({ detail: { id, kind } }) => {
    if (String(id) === form().dataset.conversation && kind === "message_added") place().replaceChildren();
  });
}
