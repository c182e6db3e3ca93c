// Ready answers: a slash and some letters in the reply.
import { suggest } from "./suggestions.js";

export function start() {
  suggest({
    place: "canned-place",
    opener: "[data-canned]",
    mark: "/",
    asked: /(?:^|\s)\/([^\s/]{0,40})$/,
    mode: "reply",
    keepEmpty: true,
  });
}
