// A customer's card: contacts that a colleague has changed, and which kinds of own fields have options.
import { fragment, oneAtATime } from "./server.js";

const contacts = () => document.getElementById("contacts");

const refresh = oneAtATime(async () => {
  const shown = contacts();
  if (!shown) return;
  const typing = document.activeElement;
  if (shown.contains(typing) && typing.matches("input")) {
    typing.addEventListener("blur", refresh, { once: true });
    return;
  }
  const html = await fragment(shown.dataset.contacts);
  if (html) await htmx.swap({ sourceElement: shown, target: shown, text: html, swap: "outerMorph" });
});

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
  document.addEventListener("live:customer", ({ detail }) => String(detail.id) === card.dataset.customer && refresh());
  document.addEventListener("live:resync", refresh);
}
