// Everything that our scripts ask of the server. htmx goes its own way, with the same token.
import { toast } from "./toast.js";
import { say } from "./texts.js";

const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** Names an act: sent again under the same key, it is the same act and not a second one. */
export const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail.ctx.request;
  if (request.method !== "GET") request.headers["X-CSRF-Token"] = token;
});

// A button that is pressed twice, as people do who are used to icons, means what it says once.
const TWICE = 700; // milliseconds
const submitted = new WeakMap();
const contents = (form, submitter) =>
  JSON.stringify([...new FormData(form, submitter)].map(([name, value]) => [name, value.name ?? value]));

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (!form.matches("[hx-post]")) return;
    const said = contents(form, event.submitter);
    const last = submitted.get(form);
    if (last?.said === said && (event.timeStamp - last.at < TWICE || form.matches(".htmx-request"))) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else submitted.set(form, { said, at: event.timeStamp });
  },
  true,
);

document.addEventListener("htmx:response:error", (event) => complain(event.detail.ctx.response.status, event.detail.ctx.text));
document.addEventListener("htmx:error", (event) => {
  const ctx = event.detail.ctx;
  if (!ctx || ctx.response) return;
  toast(say("unreachable"), { bad: true });
  if (savesItself(ctx.sourceElement)) unsent.add(ctx.sourceElement);
});

// What is kept when a field is left has no button to press again: it is sent once more when the line is back. Files are
// not, for nobody knows whether they arrived.
const unsent = new Set();
const savesItself = (element) =>
  element?.matches?.("[hx-post][hx-trigger^='change']") && element.getAttribute("hx-encoding") !== "multipart/form-data";

function sendAgain() {
  const waiting = [...unsent].filter((element) => element.isConnected);
  unsent.clear();
  for (const element of waiting) htmx.trigger(element, "change");
}

window.addEventListener("online", sendAgain);
document.addEventListener("live:resync", sendAgain);
window.addEventListener("beforeunload", (event) => {
  if ([...unsent].some((element) => element.isConnected)) event.preventDefault();
});
document.addEventListener("toast", (event) => toast(event.detail.text, event.detail));
document.addEventListener("undo", async ({ detail }) => {
  if (await post(detail.url, detail.values)) document.dispatchEvent(new CustomEvent("undone"));
});

/** A refusal is explained by the server in plain words; a page of HTML is not for a toast. */
function complain(status, text) {
  if (status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  else if (status === 422) return;
  else toast(text && !text.startsWith("<") ? text : say("trouble"), { bad: true });
}

/** POST a form; true if it was done. What the server wants to say arrives as a toast. */
export async function post(url, values) {
  return (await sent(url, values)) !== null;
}

/** POST a form and give the HTML that comes back; null if it was refused, which has been said then. */
export async function posted(url, values) {
  return (await sent(url, values))?.text() ?? null;
}

/** POST while the page is being left: nobody hears the answer. */
export function postOnLeaving(url) {
  const headers = { "X-CSRF-Token": token, "HX-Request": "true" };
  fetch(url, { method: "POST", keepalive: true, headers }).catch(() => {});
}

async function sent(url, values) {
  let answer;
  try {
    answer = await fetch(url, {
      method: "POST",
      headers: { "X-CSRF-Token": token, "HX-Request": "true" },
      body: new URLSearchParams(values),
    });
  } catch {
    toast(say("unreachable"), { bad: true });
    return null;
  }
  if (!answer.ok) {
    complain(answer.status, await answer.text());
    return null;
  }
  for (const [name, detail] of Object.entries(JSON.parse(answer.headers.get("HX-Trigger") ?? "{}"))) {
    document.dispatchEvent(new CustomEvent(name, { detail }));
  }
  return answer;
}

/** POST in the background, outliving the page; the JSON of the answer, or null. Nobody is told of a failure. */
export async function quietly(url, values) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "X-CSRF-Token": token, "HX-Request": "true" },
      body: new URLSearchParams(values),
      keepalive: true,
    });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** A fragment of HTML, or null when it could not be had: live parts simply stay as they are. */
export async function fragment(url) {
  try {
    const answer = await fetch(url, { headers: { "HX-Request": "true" } });
    if (answer.status === 401) complain(401, "");
    return answer.ok ? await answer.text() : null;
  } catch {
    return null;
  }
}

/** Calls `act` at most once at a time; calls that come meanwhile become one more call. */
export function oneAtATime(act) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      await act();
    } while (again);
    running = false;
  };
}
