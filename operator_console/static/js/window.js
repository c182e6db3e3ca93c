// How long the buyer may still be written to, on messengers that take free words only for some time after his own.
import { fragment } from "./server.js";
import { say } from "./texts.js";
import { words } from "./waiting.js";

const SOON = 2 * 3600; // seconds that are worth a warning

const chip = () => document.getElementById("window");

let until = 0;

/** Seconds are counted from when the page got them: by no clock of the server's. */
function opened(left) {
  until = performance.now() + left * 1000;
}

function show(close) {
  const left = Math.max(0, Math.round((until - performance.now()) / 1000));
  chip().classList.toggle("chip-bad", left === 0);
  chip().classList.toggle("chip-warn", left > 0 && left < SOON);
  chip().querySelector("[data-window-words]").textContent = left ? say("window_left", { left: words(left) }) : say("window_closed");
  const closed = chip().dataset.closed === "1";
  if (closed === (left === 0)) return;
  chip().dataset.closed = left === 0 ? "1" : "";
  close(left === 0 ? chip().dataset.windowClosed : "");
}

export function start(conversation, close) {
  if (!chip()) return;
  opened(Number(chip().dataset.window));
  chip().dataset.closed = Number(chip().dataset.window) === 0 ? "1" : "";
  show(close);
  setInterval(() => show(close), 10_000);
  const look = async () => {
    const told = await fragment(chip().dataset.windowUrl);
    if (told === null) return;
    opened(JSON.parse(told).left);
    show(close);
  };
  document.addEventListener("live:conversation", ({ detail }) => {
    if (String(detail.id) === conversation && detail.kind === "message_added") look();
  });
  document.addEventListener("live:resync", look);
}
