// The order's own page: fetched anew when the order changes, but never under the hands of who is typing.
import { fragment, oneAtATime } from "./server.js";

const page = () => document.querySelector("[data-order-page]");

/** A field with the cursor in it, or an open question, waits until it is left. */
const busyWith = (root) => {
  const open = root.querySelector("dialog[open]");
  if (open) return [open, "close"];
  const typing = document.activeElement;
  return root.contains(typing) && typing.matches("input, textarea, select") ? [typing, "blur"] : null;
};

const refresh = oneAtATime(async () => {
  const root = page();
  if (!root) return;
  const busy = busyWith(root);
  if (busy) {
    const [what, until] = busy;
    what.addEventListener(until, refresh, { once: true });
    return;
  }
  const html = await fragment(root.dataset.fragment);
  if (html && !busyWith(root)) await htmx.swap({ sourceElement: root, target: root, text: html, swap: "outerMorph" });
});

export function start() {
  if (!page()) return;
  document.addEventListener("live:order", ({ detail }) => String(detail.id) === page().dataset.orderPage && refresh());
  document.addEventListener("live:resync", refresh);
}
