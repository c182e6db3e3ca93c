document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveal]");
  if (!button) return;
  const input = document.getElementById(button.dataset.reveal);
  input.type = input.type === "password" ? "text" : "password";
  [button.textContent, button.dataset.hideLabel] = [button.dataset.hideLabel, button.textContent];
});
