// Moving in a list of options while the caret stays in a field: which one is chosen, told to screen readers as well.

/** options: () => the elements, in order; field: () => the input whose aria-activedescendant names the chosen one. */
export function listbox(options, field) {
  const chosen = () => options().find((option) => option.getAttribute("aria-selected") === "true");

  function select(option) {
    chosen()?.setAttribute("aria-selected", "false");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    field().setAttribute("aria-activedescendant", option.id);
  }

  /** By one up or down; past an end it goes on at the other. */
  function move(by) {
    const all = options();
    if (all.length) select(all[(all.indexOf(chosen()) + by + all.length) % all.length]);
  }

  return { chosen, move };
}
