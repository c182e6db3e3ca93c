// Waiting times on the screen grow by themselves, in words that the page carries.
import { say } from "./texts.js";

export function words(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return say("days", { d: Math.floor(hours / 24) });
  if (hours) return say("hours", { h: hours, m: String(minutes % 60).padStart(2, "0") });
  return minutes ? say("minutes", { m: minutes }) : say("just_now");
}

/** Seconds that an answer can still be taken back. They are counted from when the page got them, by no clock. */
function countDown() {
  for (const left of document.querySelectorAll("[data-countdown]")) {
    left.dataset.until ??= Date.now() + Number(left.dataset.countdown) * 1000;
    left.textContent = Math.max(0, Math.ceil((Number(left.dataset.until) - Date.now()) / 1000));
  }
}

export function start() {
  setInterval(countDown, 250);
  setInterval(() => {
    for (const time of document.querySelectorAll("time[data-since]")) {
      time.textContent = words((Date.now() - Date.parse(time.dateTime)) / 1000);
    }
  }, 20_000);
}
