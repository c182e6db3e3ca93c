// The categories follow what colleagues change, unless something is typed that was not kept yet.
import { freshPage, isBusy, swap } from "./parts.js";
import { oneAtATime } from "./server.js";

const list = () => document.getElementById("categories");

const refresh = oneAtATime(async () => {
  const fresh = (await freshPage())?.querySelector("#categories");
  if (fresh && !isBusy(list())) await swap(list(), fresh);
});

export function start() {
  if (!list()) return;
  document.addEventListener("live:category", refresh);
  document.addEventListener("live:resync", refresh);
}
