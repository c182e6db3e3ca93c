// Ready answers: a slash and some letters in the reply, arrows, Enter. What is put in can be changed before it is sent.
import { fragment, oneAtATime } from "./server.js";

const place = () => document.getElementById("canned-place");
const area = () => document.getElementById("composer")?.elements.text;
const isReply = () => !document.getElementById("composer").elements.private.value;
const box = () => place()?.firstElementChild;
const options = () => [...place().querySelectorAll("[data-text]")];
const chosen = () => options().find((option) => option.getAttribute("aria-selected") === "true");
const opener = () => document.querySelector("[data-canned]");

/** The letters after a slash that begins the text or a word, up to the caret; null where none is being typed. */
function asked() {
  const before = area().value.slice(0, area().selectionStart);
  return /(?:^|\s)\/([^\s/]{0,40})$/.exec(before)?.[1] ?? null;
}

const look = oneAtATime(async () => {
  const words = isReply() ? asked() : null;
  if (words === null) {
    close();
    return;
  }
  const html = await fragment(`${place().dataset.url}?q=${encodeURIComponent(words)}`);
  // Meanwhile the word may have been ended, or taken back.
  if (html === null || asked() === null) return;
  await htmx.swap({ sourceElement: place(), target: place(), text: html, swap: "innerHTML" });
  opener().setAttribute("aria-expanded", "true");
  if (chosen()) area().setAttribute("aria-activedescendant", chosen().id);
});

function close() {
  if (!box()) return;
  place().replaceChildren();
  opener().setAttribute("aria-expanded", "false");
  area().removeAttribute("aria-activedescendant");
}

function select(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  area().setAttribute("aria-activedescendant", option.id);
}

function move(by) {
  const all = options();
  if (all.length) select(all[(all.indexOf(chosen()) + by + all.length) % all.length]);
}

function put(option) {
  if (!option) return;
  const end = area().selectionStart;
  const start = end - (asked()?.length ?? -1) - 1;
  area().setRangeText(option.dataset.text, start, end, "end");
  area().dispatchEvent(new Event("input", { bubbles: true }));
  close();
  area().focus();
}

function onKey(event) {
  if (!box()) return;
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (event.key === "Escape") close();
  else if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if ((event.key === "Enter" || event.key === "Tab") && plain && chosen()) put(chosen());
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** For those who do not know of the slash. */
function openByHand() {
  if (box()) {
    close();
    return;
  }
  area().focus();
  if (asked() === null) {
    const at = area().selectionStart;
    const gap = at && !/\s/.test(area().value[at - 1]) ? " " : "";
    area().setRangeText(`${gap}/`, at, area().selectionEnd, "end");
  }
  look();
}

export function start() {
  if (!place() || !area()) return;
  area().addEventListener("input", look);
  area().addEventListener("keydown", onKey, { capture: true });
  document.addEventListener("click", (event) => {
    const option = event.target.closest("#canned-place [data-text]");
    if (event.target.closest("[data-canned]")) openByHand();
    else if (option) put(option);
    else if (box() && !event.target.closest("#canned-place, #composer")) close();
  });
}
