// A product's page follows what colleagues change, part by part. A part in which something is typed stays as it is; if
// it was changed meanwhile, the server does not overwrite that and says so.
import { fragment, oneAtATime } from "./server.js";

const page = () => document.querySelector("[data-product-page]");
const FIELDS = "input:not([type=hidden]), textarea, select";

const isChanged = (field) => {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.matches("select")) return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue;
};

const isBusy = (part) => {
  const typing = document.activeElement;
  return (part.contains(typing) && typing.matches(FIELDS)) || [...part.querySelectorAll(FIELDS)].some(isChanged);
};

const swap = (target, fresh) => htmx.swap({ sourceElement: target, target, text: fresh.outerHTML, swap: "outerMorph" });

const refresh = oneAtATime(async () => {
  const html = await fragment(location.href);
  const fresh = html && new DOMParser().parseFromString(html, "text/html").getElementById("main");
  if (!fresh) return;
  if (!isBusy(page())) {
    await swap(page(), fresh);
    return;
  }
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const shown = document.getElementById(part.id);
    if (shown && !isBusy(shown)) await swap(shown, part);
  }
});

/** What was kept is what the fields began with from now on. */
function settle(form) {
  for (const field of form.querySelectorAll(FIELDS)) {
    if (field.type === "checkbox") field.defaultChecked = field.checked;
    else if (field.matches("select")) for (const option of field.options) option.defaultSelected = option.selected;
    else field.defaultValue = field.value;
  }
}

const isHere = ({ detail }) => String(detail.id) === page().dataset.productPage;

export function start() {
  if (!page()) return;
  document.addEventListener("live:product", (event) => isHere(event) && refresh());
  document.addEventListener("live:variant", ({ detail }) => document.getElementById(`variant-${detail.id}`) && refresh());
  document.addEventListener("live:resync", refresh);
  document.addEventListener("product:kept", ({ detail }) => {
    const mark = document.querySelector(`#${detail.part} [name="seen"]`);
    if (mark) mark.value = detail.seen;
  });
  page().addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement.matches("form") && ctx.response?.status < 300) settle(ctx.sourceElement);
  });
}
