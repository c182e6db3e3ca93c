// New letters appear in the list by themselves; Ctrl+Enter sends.
const list = document.getElementById("list");
let shown = list.innerHTML;
async function look() {
  try {
    const answer = await fetch(list.dataset.list);
    const fresh = await answer.text();
    if (answer.ok && fresh !== shown) {
      const opened = list.querySelector("[aria-current]")?.getAttribute("href");
      list.innerHTML = shown = fresh;
      for (const each of list.querySelectorAll("a")) if (each.getAttribute("href") === opened) each.setAttribute("aria-current", "true");
    }
  } catch { /* the mail server is away: the next look may find it */ }
}
setInterval(look, 1500);
for (const form of document.forms) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}
