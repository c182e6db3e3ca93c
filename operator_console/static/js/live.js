// One event stream for all tabs of this browser: the tab that holds the lock listens and tells the others.
//
// The server writes events as  id: <position>  data: {"topics": [["conversation", 12], ["order", 5]], "kind": "…"};
// each topic becomes a DOM event on the document, such as live:conversation with detail {id: 12, kind: "…", staff: 3 where it is somebody's}.
// That somebody writes changes nothing: it is "live:typing" with the conversation's id, and staff for one of us.
// "drawn" there says that "live:row" came before it: the row of the inbox that it is about, as everybody sees it.
// "live:numbers" are those of the side menu. What the server does not send along, a page asks for.
// "live:resync" says that something may have been missed and what is shown should be fetched anew.
const SILENCE = 45_000; // the server sends a beat every 15 s
const LONGEST_PAUSE = 30_000;

// Tabs of another version, which read other events, have a stream of their own: the address of this file tells it.
const GROUP = `prilavok-live ${import.meta.url}`;
const channel = "BroadcastChannel" in window ? new BroadcastChannel(GROUP) : null;
let position = document.body.dataset.position ?? "";
let source = null;
let attempts = 0;
let heardAt = 0;
let online = true;

const emit = (name, detail = {}) => document.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));

function receive(message) {
  if (message.id) position = message.id;
  if (message.kind === "typing") {
    emit("typing", { id: message.conversation_id, staff: message.staff_id });
    return;
  }
  for (const [name, id] of message.topics ?? []) {
    emit(name, { id, kind: message.kind, staff: message.staff_id, drawn: message.drawn });
  }
}

function show(state) {
  if (state === online) return;
  online = state;
  const notice = document.querySelector("[data-offline]");
  if (notice) notice.hidden = online;
  if (online) emit("resync");
}

function share(message) {
  channel?.postMessage(message);
}

function listen() {
  const url = new URL(document.body.dataset.live, location.href);
  if (position) url.searchParams.set("after", position);
  source = new EventSource(url);
  heardAt = Date.now();
  source.onopen = () => {
    attempts = 0;
    setOnline(true);
  };
  source.onmessage = (event) => {
    heardAt = Date.now();
    const message = { id: event.lastEventId, ...JSON.parse(event.data) };
    receive(message);
    share({ event: message });
  };
  for (const pushed of ["row", "numbers"]) {
    source.addEventListener(pushed, ({ data }) => {
      heardAt = Date.now();
      const detail = JSON.parse(data);
      emit(pushed, detail);
      share({ pushed, detail });
    });
  }
  source.addEventListener("beat", () => {
    heardAt = Date.now();
  });
  source.addEventListener("resync", () => {
    emit("resync");
    share({ resync: true });
  });
  source.onerror = reconnect;
}

function setOnline(state) {
  show(state);
  share({ online: state });
}

// The browser would try again by itself, but not after an HTTP error and without telling anyone: we do both.
function reconnect() {
  source.close();
  attempts += 1;
  if (attempts > 1) setOnline(false);
  const pause = Math.min(LONGEST_PAUSE, 500 * 2 ** attempts) * (0.7 + Math.random() * 0.6);
  setTimeout(listen, pause);
}

function lead() {
  listen();
  setInterval(() => {
    if (source.readyState !== EventSource.CLOSED && Date.now() - heardAt > SILENCE) reconnect();
  }, 5000);
  window.addEventListener("online", () => {
    if (source.readyState === EventSource.CLOSED) attempts = 0;
  });
  return new Promise(() => {}); // the lock is held until the tab is closed
}

function follow({ data }) {
  if (data.event) receive(data.event);
  if (data.pushed) emit(data.pushed, data.detail);
  if (data.resync) emit("resync");
  if ("online" in data) show(data.online);
}

export function start() {
  if (!document.body.dataset.live) return;
  if (!navigator.locks || !channel) {
    lead();
    return;
  }
  channel.addEventListener("message", follow);
  navigator.locks.request(GROUP, lead);
}
