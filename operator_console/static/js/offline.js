// The page without a connection: opens the console when there is one again, or when somebody presses.
const PAUSE = 10_000;

const again = () => location.reload();

/** The device may be online while the server is not: asked for by anything but a page, the worker lets it through. */
async function look() {
  const answer = await fetch("/app.webmanifest", { cache: "no-store" }).catch(() => null);
  if (answer?.ok) again();
}

window.addEventListener("online", again);
setInterval(look, PAUSE);
document.addEventListener("click", (event) => event.target.closest("[data-again]") && again());
