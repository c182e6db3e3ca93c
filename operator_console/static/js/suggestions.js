// A list over the composer that a mark opens: the letters after it, arrows, Enter. What is put in can be changed after.
import { listbox } from "./listbox.js";
import { fragment, oneAtATime } from "./server.js";

const form = () => document.getElementById("composer");
const area = () => form()?.elements.text;

/**
 * place: id of the element that the list opens in; its data-url gives the list for ?q=<letters>
 * opener: selector of the button for those who do not know of the mark
 * mark, asked: the character, and the pattern whose first group are the letters up to the caret
 * mode: "reply" or "note"; keepEmpty: whether a list without a choice is shown; onPut: called with the option
 */
export function suggest({ place: id, opener: button, mark, asked: pattern, mode, keepEmpty = false, onPut = () => {} }) {
  const place = () => document.getElementById(id);
  if (!place() || !area()) return;
  const opener = () => document.querySelector(button);
  const isMode = () => (form().elements.private.value ? "note" : "reply") === mode;
  const box = () => place().firstElementChild;
  const options = () => [...place().querySelectorAll("[data-text]")];
  const { chosen, move } = listbox(options, area);
  let shown = null; // the letters that the list on the screen was found for

  /** The letters after a mark that begins the text or a word, up to the caret; null where none is being typed. */
  function asked() {
    const found = pattern.exec(area().value.slice(0, area().selectionStart));
    return found ? (found[1] ?? "") : null;
  }

  const look = oneAtATime(async () => {
    const words = isMode() ? asked() : null;
    if (words === null) {
      close();
      return;
    }
    const html = await fragment(`${place().dataset.url}?q=${encodeURIComponent(words)}`);
    // Meanwhile the word may have been ended, or taken back.
    if (html === null || asked() === null) return;
    await htmx.swap({ sourceElement: place(), target: place(), text: html, swap: "innerHTML" });
    shown = words;
    if (!options().length && !keepEmpty && words) {
      close();
      return;
    }
    opener().setAttribute("aria-expanded", "true");
    if (chosen()) area().setAttribute("aria-activedescendant", chosen().id);
  });

  function close() {
    if (!box()) return;
    place().replaceChildren();
    opener().setAttribute("aria-expanded", "false");
    area().removeAttribute("aria-activedescendant");
  }

  function put(option, end = area().selectionStart, letters = asked()?.length ?? -1) {
    if (!option) return;
    const start = end - letters - 1;
    area().setRangeText(option.dataset.text, start, end, end === area().selectionStart ? "end" : "preserve");
    onPut(option);
    area().dispatchEvent(new Event("input", { bubbles: true }));
    close();
    area().focus();
  }

  /** Who types faster than the list comes gets what he typed, and not what stood there before; he may type on. */
  async function putFound() {
    const [words, end] = [asked(), area().selectionStart];
    if (words === null || shown === words) {
      put(chosen());
      return;
    }
    const html = await fragment(`${place().dataset.url}?q=${encodeURIComponent(words)}`);
    const typed = `${mark}${words}`;
    if (html === null || area().value.slice(end - typed.length, end) !== typed) return;
    const found = document.createRange().createContextualFragment(html);
    put(found.querySelector("[data-text][aria-selected=true]"), end, words.length);
  }

  function onKey(event) {
    if (!box()) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if ((event.key === "Enter" || event.key === "Tab") && plain && chosen()) putFound();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function openByHand() {
    if (box()) {
      close();
      return;
    }
    area().focus();
    if (asked() === null) {
      const at = area().selectionStart;
      const gap = at && !/\s/.test(area().value[at - 1]) ? " " : "";
      area().setRangeText(`${gap}${mark}`, at, area().selectionEnd, "end");
    }
    look();
  }

  area().addEventListener("input", look);
  area().addEventListener("keydown", onKey, { capture: true });
  document.addEventListener("click", (event) => {
    const option = event.target.closest(`#${id} [data-text]`);
    if (event.target.closest(button)) openByHand();
    else if (option) put(option);
    else if (box() && !event.target.closest(`#${id}, #composer`)) close();
  });
}
