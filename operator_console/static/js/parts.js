// Parts of a page that follow what colleagues change. One in which something is typed stays as it is; if it was changed
// meanwhile, the server does not overwrite that and says so.
import { fragment, oneAtATime } from "./server.js";

const FIELDS = "input:not([type=hidden]), textarea, select";

const isChanged = (field) => {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.matches("select")) return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue;
};

/** Something is being typed there, was typed and not kept, or was refused because a colleague had been quicker. */
export const isBusy = (part) => {
  const typing = document.activeElement;
  if (part.contains(typing) && typing.matches(FIELDS)) return true;
  return part.querySelector("[data-unkept]") !== null || [...part.querySelectorAll(FIELDS)].some(isChanged);
};

export const swap = (target, fresh) => htmx.swap({ sourceElement: target, target, text: fresh.outerHTML, swap: "outerMorph" });

/** The page's main part as it is now, or null. */
export async function freshPage() {
  const html = await fragment(location.href);
  return html && new DOMParser().parseFromString(html, "text/html").getElementById("main");
}

/** Every [data-part] that nobody is busy in; whether none was left out. */
export async function swapParts(fresh) {
  let whole = true;
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const shown = document.getElementById(part.id);
    if (shown && isBusy(shown)) whole = false;
    else if (shown) await swap(shown, part);
  }
  return whole;
}

/** What was kept is what the fields began with from now on. */
export function settle(form) {
  for (const field of form.querySelectorAll(FIELDS)) {
    if (field.type === "checkbox") field.defaultChecked = field.checked;
    else if (field.matches("select")) for (const option of field.options) option.defaultSelected = option.selected;
    else field.defaultValue = field.value;
  }
}

/** Fetches the page anew and swaps its parts, one fetch at a time; what was left out is tried again on leaving a field. */
export function refresher(page) {
  let left = false;
  const refresh = oneAtATime(async () => {
    const fresh = await freshPage();
    if (fresh) left = !(await swapParts(fresh));
  });
  page.addEventListener("focusout", () => setTimeout(() => left && refresh()));
  return refresh;
}
