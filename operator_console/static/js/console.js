// What a signed-in page starts. Each module looks whether the page has its part and does nothing otherwise.
import * as app from "./app.js";
import * as board from "./board.js";
import * as canned from "./canned.js";
import * as categories from "./categories.js";
import * as composer from "./composer.js";
import * as customer from "./customer.js";
import * as inbox from "./inbox.js";
import * as keys from "./keys.js";
import * as live from "./live.js";
import * as mentions from "./mentions.js";
import * as notifications from "./notifications.js";
import * as numbers from "./numbers.js";
import * as orderPage from "./order.js";
import * as palette from "./palette.js";
import "./panes.js";
import * as photos from "./photos.js";
import * as picker from "./picker.js";
import * as product from "./product.js";
import { post } from "./server.js";
import * as tasks from "./tasks.js";
import * as ticks from "./ticks.js";
import * as typing from "./typing.js";
import * as waiting from "./waiting.js";

const PARTS = [app, board, canned, categories, composer, customer, inbox, keys, mentions, notifications, numbers, orderPage, palette, photos, picker, product, tasks, ticks, typing, waiting, live];
for (const part of PARTS) part.start();
document.body.dataset.ready = ""; // keys and buttons work from now on

/** Two thousand emoji come when somebody wants one. */
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-emoji-button]");
  if (button) (await import("./emoji.js")).toggle(button);
});

document.addEventListener("theme:chosen", ({ detail }) => post("/me/theme", { theme: detail }));
