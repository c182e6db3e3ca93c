/* Prilavok's chat for a shop's own site:
 *
 *   <script src="https://counter.example/webchat/widget.js" data-site="SITE KEY" async></script>
 *
 * data-site     the site key from the settings (required)
 * data-lang     ru or en; without it the page's language, then the browser's
 * data-theme    light, dark or auto
 * data-side     left or right (right)
 *
 * Any element with data-prilavok-open opens the chat; its data-prilavok-draft is put where the visitor writes, and
 * data-prilavok-start="p_<product number>" shows that product. The same by script: Prilavok.open({draft, start}),
 * Prilavok.close(), Prilavok.toggle().
 *
 * A site with a Content-Security-Policy lists the counter's address under script-src and frame-src.
 */
(() => {
  "use strict";
  const tag = document.currentScript;
  if (!tag || window.Prilavok) return;
  const counter = new URL(tag.src).origin;
  const site = tag.dataset.site || "";
  const lang = (tag.dataset.lang || document.documentElement.lang || navigator.language || "ru").slice(0, 2) === "en" ? "en" : "ru";
  const t = {
    ru: { open: "Открыть чат", close: "Закрыть чат", chat: "Чат с магазином", unread: "непрочитанных", broken: "Чат не открылся. Обновите страницу или попробуйте позже." },
    en: { open: "Open the chat", close: "Close the chat", chat: "Chat with the shop", unread: "unread", broken: "The chat did not open. Reload the page or try again later." },
  }[lang];
  const MARK = "prilavok";
  const PATIENCE = 10000;
  const MEMORY = `prilavok:${site}`;
  const UTM = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];

  const css = `
    :host { all: initial; }
    .button { position: fixed; ${tag.dataset.side === "left" ? "left" : "right"}: 20px; bottom: calc(20px + env(safe-area-inset-bottom)); z-index: 2147483000; display: grid; place-items: center; width: 58px; height: 58px; padding: 0; border: 0; border-radius: 50%; background: #97295f; color: #fff; box-shadow: 0 6px 20px -4px rgb(60 20 40 / .45), 0 1px 4px rgb(60 20 40 / .25); cursor: pointer; transition: transform 120ms, background 120ms; }
    .button:hover { background: #7f204f; transform: translateY(-1px); }
    .button:focus-visible { outline: 3px solid #97295f; outline-offset: 3px; }
    .button svg { width: 28px; height: 28px; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }
    .badge { position: absolute; top: -3px; right: -3px; min-width: 22px; height: 22px; box-sizing: border-box; padding: 0 6px; border: 2px solid #fff; border-radius: 11px; background: #1f1b18; color: #fff; font: 650 12px/18px -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; text-align: center; }
    .panel { position: fixed; ${tag.dataset.side === "left" ? "left" : "right"}: 20px; bottom: calc(92px + env(safe-area-inset-bottom)); z-index: 2147483000; width: 392px; height: min(660px, calc(100dvh - 116px)); overflow: hidden; border-radius: 18px; background: Canvas; color: CanvasText; box-shadow: 0 18px 48px -8px rgb(60 40 30 / .32), 0 2px 8px rgb(60 40 30 / .14); transform-origin: bottom right; animation: rise 160ms cubic-bezier(.2, 0, 0, 1); }
    .panel[data-open="no"] { visibility: hidden; pointer-events: none; animation: none; }
    iframe { display: block; width: 100%; height: 100%; border: 0; }
    .broken { position: absolute; inset: 0; display: grid; place-content: center; gap: 16px; padding: 24px; background: Canvas; font: 15px/21px -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; text-align: center; }
    .broken p { margin: 0; }
    .broken button { justify-self: center; min-height: 44px; padding: 0 20px; border: 0; border-radius: 12px; background: #97295f; color: #fff; font: inherit; cursor: pointer; }
    [hidden] { display: none !important; }
    @keyframes rise { from { opacity: 0; transform: translateY(8px) scale(.98); } }
    @media (max-width: 600px) {
      .panel { inset: 0; width: auto; height: 100dvh; border-radius: 0; }
      .button[aria-expanded="true"] { display: none; }
    }
    @media (prefers-reduced-motion: reduce) { .panel, .button { animation: none; transition: none; } }
    @media print { .panel, .button { display: none; } }
  `;

  let frame, ready, broken, isOpen = false, wanted = null;

  const remember = (storage, name, value) => {
    try {
      if (value === undefined) return JSON.parse(window[storage].getItem(name));
      window[storage].setItem(name, JSON.stringify(value));
    } catch { /* storage is off */ }
    return null;
  };

  // Where the visitor came from at first, and where he is now. The rest of the address may be private, so it stays here.
  const first = remember("sessionStorage", MEMORY) || (() => {
    const query = new URLSearchParams(location.search);
    const from = { referrer: document.referrer && new URL(document.referrer).host !== location.host ? document.referrer.split(/[?#]/)[0] : "" };
    for (const name of UTM) if (query.get(name)) from[name] = query.get(name).slice(0, 200);
    remember("sessionStorage", MEMORY, from);
    return from;
  })();
  const context = () => ({ ...first, page: (location.origin + location.pathname).slice(0, 500), title: document.title.slice(0, 200) });

  const make = (name, attributes) => Object.assign(document.createElement(name), attributes);
  const host = make("div");
  host.dataset.prilavok = "chat";
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  shadow.adoptedStyleSheets = [sheet];

  const button = make("button", { type: "button", className: "button" });
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const TALK = "M4 6.5A2.5 2.5 0 016.5 4h11A2.5 2.5 0 0120 6.5v7a2.5 2.5 0 01-2.5 2.5H11l-4.5 4v-4A2.5 2.5 0 014 13.5zM8 8.5h8M8 11.5h5";
  const CROSS = "M6 6l12 12M18 6L6 18";
  path.setAttribute("d", TALK);
  drawing.append(path);
  const badge = make("span", { className: "badge", hidden: true });
  button.append(drawing, badge);
  const panel = make("div", { className: "panel", hidden: true });
  shadow.append(panel, button);

  const tell = (what, body) => {
    if (ready) frame.contentWindow.postMessage({ [MARK]: what, body }, counter);
  };

  const load = () => {
    if (frame) return;
    const query = new URLSearchParams({ site, lang, theme: tag.dataset.theme || "auto" });
    frame = make("iframe", { src: `${counter}/webchat/frame?${query}`, title: t.chat, allow: "clipboard-write" });
    panel.append(frame);
    panel.hidden = false;
    panel.dataset.open = "no";
    setTimeout(() => { if (!ready) fail(); }, PATIENCE);
  };

  const fail = () => {
    console.warn(`Prilavok: the chat did not load. Is ${location.origin} among the site's allowed addresses, and is data-site right?`);
    if (broken) return;
    broken = make("div", { className: "broken" });
    const close = make("button", { type: "button", textContent: t.close });
    close.addEventListener("click", () => show(false));
    broken.append(make("p", { textContent: t.broken }), close);
    panel.append(broken);
  };

  const show = (open, how = {}) => {
    if (open) load();
    isOpen = open;
    if (panel.dataset.open !== undefined || open) panel.dataset.open = open ? "yes" : "no";
    path.setAttribute("d", open ? CROSS : TALK);
    button.setAttribute("aria-expanded", String(open));
    label();
    if (open && ready) {
      tell("page", context());
      tell("open", how);
      frame.focus();
    } else if (open) wanted = how;
    else {
      wanted = null;
      tell("close");
      button.focus({ preventScroll: true });
    }
  };

  const label = () => {
    const count = badge.hidden ? "" : ` (${t.unread}: ${badge.textContent})`;
    button.setAttribute("aria-label", (isOpen ? t.close : t.open) + count);
    button.title = isOpen ? t.close : t.open;
  };

  const heard = {
    ready() {
      ready = true;
      broken?.remove();
      broken = null;
      tell("page", context());
      if (wanted) {
        tell("open", wanted);
        frame.focus();
        wanted = null;
      }
    },
    close() { show(false); },
    unread({ count }) {
      badge.textContent = count > 99 ? "99+" : String(count);
      badge.hidden = !count || isOpen;
      label();
    },
    // Someone who talked once hears of answers on every page; for others nothing is loaded until they ask.
    spoke() { remember("localStorage", MEMORY, { spoke: true }); },
  };

  window.addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== counter) return;
    const said = event.data;
    if (said && typeof said[MARK] === "string" && Object.hasOwn(heard, said[MARK])) heard[said[MARK]](said.body || {});
  });
  // The iframe gets the focus: the address may have changed since without a new page.
  window.addEventListener("blur", () => { if (isOpen) tell("page", context()); });
  button.addEventListener("click", () => show(!isOpen));
  button.addEventListener("pointerenter", load, { once: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && isOpen) show(false); });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-prilavok-open]");
    if (!opener) return;
    event.preventDefault();
    show(true, { draft: opener.dataset.prilavokDraft || "", start: opener.dataset.prilavokStart || "" });
  });
  // A phone's keyboard covers the page without changing its size.
  window.visualViewport?.addEventListener("resize", () => {
    const covered = isOpen && innerWidth <= 600 && innerHeight - visualViewport.height > 80;
    panel.style.height = covered ? `${visualViewport.height}px` : "";
  });

  label();
  button.setAttribute("aria-expanded", "false");
  const place = () => {
    document.body.append(host);
    if (remember("localStorage", MEMORY)?.spoke) (window.requestIdleCallback || setTimeout)(load);
  };
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);

  window.Prilavok = Object.freeze({ open: (how) => show(true, how), close: () => show(false), toggle: () => show(!isOpen) });
})();
