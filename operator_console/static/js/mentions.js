// Calling a colleague in a note: @ and some letters of the name. Who was chosen goes along, for names can be equal.
import { suggest } from "./suggestions.js";

function choose(option) {
  const field = document.getElementById("composer").elements.mentioned;
  field.value = `${field.value} ${option.dataset.value}`.trim();
}

export function start() {
  suggest({
    place: "mention-place",
    opener: "[data-mention]",
    mark: "@",
    asked: /(?:^|[\s(])@([^\s@]{1,30}(?: [^\s@]{1,30})?)?$/,
    mode: "note",
    onPut: choose,
  });
}
