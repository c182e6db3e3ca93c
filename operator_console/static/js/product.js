// A product's page follows what colleagues change, part by part.
import { freshPage, isBusy, settle, swap, swapParts } from "./parts.js";
import { oneAtATime } from "./server.js";

const page = () => document.querySelector("[data-product-page]");
const refresh = oneAtATime(async () => {
  const fresh = await freshPage();
  if (!fresh) return;
  if (isBusy(page())) await swapParts(fresh);
  else await swap(page(), fresh);
});

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
