// The service worker. KEPT is written before this text: {version, page, files}.
//
// Pages come from the network and nowhere else. The browser asks for them itself while the worker wakes up (navigation
// preload), so the server hears who really asks; what fails is answered with the page that says what to do.
const CACHE = `prilavok-${KEPT.version}`;
const OTHERS = /^\/(p|webchat|hooks)\//; // what buyers see

async function begin() {
  const cache = await caches.open(CACHE);
  await cache.addAll(KEPT.files);
  await self.skipWaiting();
}

async function takeOver() {
  for (const name of await caches.keys()) if (name.startsWith("prilavok-") && name !== CACHE) await caches.delete(name);
  await self.registration.navigationPreload.enable();
  await self.clients.claim();
}

async function page(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return (await caches.match(KEPT.page)) ?? Response.error();
  }
}

self.addEventListener("install", (event) => event.waitUntil(begin()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("fetch", (event) => {
  const { method, mode, destination, url } = event.request;
  const path = new URL(url).pathname;
  if (mode === "navigate" && method === "GET" && destination === "document" && !OTHERS.test(path)) {
    event.respondWith(page(event));
  } else if (path.startsWith("/static/") && KEPT.files.includes(path)) {
    event.respondWith(caches.match(event.request).then((file) => file ?? fetch(event.request)));
  }
});
