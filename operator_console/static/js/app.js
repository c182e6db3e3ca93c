// The console as an app: its service worker is there once somebody has signed in. See worker.js.
const able = navigator.serviceWorker && "navigationPreload" in ServiceWorkerRegistration.prototype;

export function start() {
  if (!able || !document.body.dataset.live) return;
  const options = { updateViaCache: "none" };
  navigator.serviceWorker.register(`/worker.js?lang=${document.documentElement.lang}`, options).catch(() => {});
}
