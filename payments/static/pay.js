// A waiting page asks quietly and moves on when there is something new to say. Without scripts it loads itself anew.
"use strict";

const sheet = document.querySelector("main[data-next]");
const MOST_TURNS = 40;

async function hasNews() {
  const answer = await fetch(sheet.dataset.next, { redirect: "manual", headers: { Accept: "text/html" } });
  if (answer.type === "opaqueredirect") return true; // the provider is ready for the buyer
  if (!answer.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  return fresh !== null && fresh.dataset.face !== sheet.dataset.face;
}

async function wait(turn) {
  await new Promise((done) => setTimeout(done, Number(sheet.dataset.pause) * 1000));
  let news = false;
  try {
    news = await hasNews();
  } catch {
    // no connection just now; the next turn may have one
  }
  if (news) location.replace(sheet.dataset.next);
  else if (turn < MOST_TURNS) await wait(turn + 1);
}

if (sheet) wait(1);
