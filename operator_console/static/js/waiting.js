// Waiting times on the screen grow by themselves, in words that the page carries.
import { say } from "./texts.js";

function words(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return say("days", { d: Math.floor(hours / 24) });
  if (hours) return say("hours", { h: hours, m: String(minutes % 60).padStart(2, "0") });
  return minutes ? say("minutes", { m: minutes }) : say("just_now");
}

export function start() {
  setInterval(() => {
    for (const time of document.querySelectorAll("time[data-since]")) {
      time.textContent = words((Date.now() - Date.parse(time.dateTime)) / 1000);
    }
  }, 20_000);
}
