// Runs before the first paint (a plain script in the head), so that a dark screen never flashes white.
(() => {
  const root = document.documentElement;
  const bar = document.querySelector('meta[name="theme-color"]');
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const apply = () => {
    const choice = root.dataset.themeChoice;
    root.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    bar.content = bar.dataset[root.dataset.bsTheme];
  };

  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-switch]")) return;
    root.dataset.themeChoice = root.dataset.bsTheme === "dark" ? "light" : "dark";
    apply();
    document.dispatchEvent(new CustomEvent("theme:chosen", { detail: root.dataset.themeChoice }));
  });
})();
