// Toasts never take the focus. Good news go by themselves; failures stay until they are read.
import { say } from "./texts.js";

const SHOWN_FOR = 6000;
const sprite = new URL("../icons.svg", import.meta.url).href;
let undoLatest = null;

const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
};

/** Only the top layer is above an open dialog: a refusal must be read there too. */
function raise(place) {
  if (!document.querySelector("dialog[open]")) return;
  place.popover = "manual";
  if (place.matches(":popover-open")) place.hidePopover();
  place.showPopover();
}

/** undo: {url, values} of the request that takes the act back; url: where the words lead. */
export function toast(text, { bad = false, undo = null, url = "" } = {}) {
  const place = document.querySelector("[data-toasts]");
  if (!place) return;
  const box = document.createElement("div");
  box.className = bad ? "toast toast-bad" : "toast";
  box.setAttribute("role", bad ? "alert" : "status");
  const words = document.createElement(url ? "a" : "span");
  if (url) words.href = url;
  words.className = "grow";
  words.textContent = text;
  box.append(icon(bad ? "warning" : "done"), words);
  if (undo) box.append(undoButton(undo, box));
  if (bad) box.append(closeButton(box));
  place.append(box);
  raise(place);
  while (place.children.length > 3) place.firstElementChild.remove();
  if (!bad) fadeUnlessRead(box);
}

function undoButton(undo, box) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-small";
  button.textContent = say("undo");
  undoLatest = () => {
    undoLatest = null;
    box.remove();
    document.dispatchEvent(new CustomEvent("undo", { detail: undo }));
  };
  button.addEventListener("click", undoLatest);
  return button;
}

function closeButton(box) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-small button-icon";
  button.setAttribute("aria-label", say("close"));
  button.append(icon("cross"));
  button.addEventListener("click", () => box.remove());
  return button;
}

function fadeUnlessRead(box) {
  let timer = setTimeout(() => box.remove(), SHOWN_FOR);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => {
    timer = setTimeout(() => box.remove(), SHOWN_FOR);
  });
}

export const undo = () => undoLatest?.();
