import { byId } from "./dom.ts";

const dark = () => matchMedia("(prefers-color-scheme: dark)");

/** Light or dark: as the system has it, until the button says otherwise. `changed`: colours are others now. */
export function followTheme(changed: () => void): void {
  const button = byId("theme", HTMLButtonElement);
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark().matches);
  const update = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
    changed();
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    update();
  });
  dark().addEventListener("change", update);
  update();
}
