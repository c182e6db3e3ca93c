// Ctrl+K or ⌘K, from anywhere, and the buttons that do the same (a plain script in the head): the palette opens and takes
// letters before the other scripts have come. The place of the key counts, whatever the layout.
(() => {
  function open() {
    const box = document.getElementById("palette");
    if (!box) return;
    if (box.open) {
      box.close();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const input = box.querySelector("input");
    input.value = "";
    box.showModal();
    input.dispatchEvent(new Event("palette:opened"));
  }

  document.addEventListener("keydown", (event) => {
    if (event.code !== "KeyK" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("click", (event) => event.target.closest?.("[data-palette]") && open());
})();
