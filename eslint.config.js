import js from "@eslint/js";

const BROWSER = ["AbortController", "AbortSignal", "Blob", "CSS", "CustomEvent", "Event", "EventTarget", "HTMLButtonElement",
  "HTMLElement", "HTMLFormElement", "Node", "ResizeObserver", "Response", "URL", "WebSocket", "XMLHttpRequest",
  "addEventListener", "cancelAnimationFrame", "clearInterval", "clearTimeout", "confirm", "crypto", "customElements", "document",
  "fetch", "history", "localStorage", "location", "matchMedia", "print", "removeEventListener", "requestAnimationFrame", "sessionStorage",
  "setInterval", "setTimeout"];

/** @param {string[]} names */
const readonly = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));

export default [
  js.configs.recommended,
  {
    rules: {
      eqeqeq: "error", "no-var": "error", "prefer-const": "error", "no-eval": "error", "no-implied-eval": "error",
      "no-restricted-properties": ["error",
        ...["innerHTML", "outerHTML"].map((property) => ({ property, message: "Text is text: build elements with platform/dom.js." })),
        { property: "insertAdjacentHTML", message: "Text is text: build elements with platform/dom.js." }],
      "max-len": ["error", { code: 150 }], "max-lines": ["error", 400],
    },
  },
  {
    files: ["netra_backend/app/web/page/core/**"], // pure: no browser, no clock, no chance
    rules: { "no-restricted-globals": ["error", ...BROWSER, "window", "performance"],
      "no-restricted-properties": ["error", { object: "Math", property: "random" }, { object: "Date", property: "now" }] },
  },
  { files: ["netra_backend/app/web/page/**"], ignores: ["netra_backend/app/web/page/core/**"],
    languageOptions: { globals: readonly(BROWSER) } },
  { languageOptions: { globals: readonly(["URLSearchParams"]) } }, // a value, wherever it stands
  { files: ["netra_backend/app/web/page/platform/trusted_html.js", "netra_backend/app/web/page/platform/standalone.js"], rules: { "no-restricted-properties": "off" } },
];
