/** Light or dark: the system's theme unless the user chooses one; the choice is kept in this browser. */

const KEY = "netra.theme";
const NEXT = { system: "light", light: "dark", dark: "system" };

/** @param {HTMLButtonElement} button */
export function startTheme(button) {
  let theme = /** @type {keyof typeof NEXT} */ (localStorage.getItem(KEY) ?? "system");
  if (!(theme in NEXT)) theme = "system";
  const show = () => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  button.addEventListener("click", () => {
    theme = /** @type {keyof typeof NEXT} */ (NEXT[theme]);
    localStorage.setItem(KEY, theme);
    show();
  });
  show();
}
