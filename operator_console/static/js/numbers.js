// The numbers of the side menu, wherever the page shows them: as partials/nav_counts.html has them.
const PLACES = { sections: ["nav", "more"], views: ["view", "strip"], channels: ["nav-channel"] };

function say(id, note, hot = false) {
  const place = document.getElementById(id);
  if (!place) return;
  place.textContent = note;
  if (place.matches(".nav-note")) place.classList.toggle("nav-note-hot", hot);
}

function show(numbers) {
  for (const [kind, places] of Object.entries(PLACES)) {
    for (const [key, [note, hot]] of Object.entries(numbers[kind])) {
      for (const place of places) say(`${place}-${key}`, note, hot);
    }
  }
  for (const [view, [note]] of Object.entries(numbers.views)) say(`total-${view}`, note);
  for (const [channel, [, , count]] of Object.entries(numbers.channels)) say(`total-channel-${channel}`, count);
  const tab = document.getElementById("tab-inbox");
  if (!tab) return;
  [tab.textContent] = numbers.sections.inbox;
  tab.hidden = !tab.textContent;
}

export function start() {
  document.addEventListener("live:numbers", ({ detail }) => {
    if (detail.language === document.documentElement.lang) show(detail);
    else document.dispatchEvent(new CustomEvent("numbers:other"));
  });
}
