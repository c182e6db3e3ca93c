// A product's photos are put in order by hand. The server answers with the list as it is then.
import { posted } from "./server.js";

let sortable = null;

async function keep(list) {
  const order = [...list.querySelectorAll("[data-photo]")].map((tile) => tile.dataset.photo).join(",");
  const html = await posted(list.dataset.arrange, { order });
  const section = document.getElementById("photos");
  if (html && section) await htmx.swap({ sourceElement: section, target: section, text: html, swap: "outerHTML" });
}

function arrange() {
  const list = document.querySelector("[data-arrange]");
  if (sortable?.el === list) return;
  sortable?.destroy();
  sortable = list
    ? Sortable.create(list, {
        draggable: "[data-photo]",
        filter: "button, select",
        preventOnFilter: false,
        animation: 120,
        delay: 150,
        delayOnTouchOnly: true,
        onEnd: () => keep(list),
      })
    : null;
}

export function start() {
  if (!document.getElementById("photos")) return;
  arrange();
  document.addEventListener("htmx:after:swap", arrange);
}
