// A customer's card: its parts follow what a colleague changes; and which kinds of own fields have options.
import { refresher } from "./parts.js";

function showOptions() {
  const kind = document.querySelector("[data-kind]");
  if (!kind) return;
  const options = document.querySelector("[data-options]");
  const turn = () => (options.hidden = kind.value !== "choice");
  kind.addEventListener("change", turn);
  turn();
}

export function start() {
  showOptions();
  const card = document.querySelector("[data-customer]");
  if (!card) return;
  const refresh = refresher(card);
  document.addEventListener("live:customer", ({ detail }) => String(detail.id) === card.dataset.customer && refresh());
  document.addEventListener("live:resync", refresh);
}
