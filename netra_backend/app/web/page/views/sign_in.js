/** The sign-in dialog. Text that the user has typed elsewhere on the page is kept. */
import { h, replace } from "../platform/dom.js";
import { tokenOf } from "../platform/sign_in.js";

export class SignIn extends HTMLElement {
  #why = h("p", { class: "hint" });
  #fault = h("p", { class: "fault-text", role: "alert" });
  #token = h("input", { type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-label": "Sign-in link or token" });
  #dialog = h("dialog", { class: "dialog", "aria-label": "Sign in" });

  connectedCallback() {
    replace(this.#dialog, h("form", { class: "stack", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const token = tokenOf(this.#token.value);
      if (token === null) {
        this.#fault.textContent = "That is neither a sign-in link nor a token.";
        return;
      }
      this.#token.value = "";
      this.dispatchEvent(new CustomEvent("token", { detail: token }));
    } },
      h("h1", {}, "Sign in to Netra"), this.#why,
      h("label", {}, "Sign-in link or token", this.#token), this.#fault,
      h("p", { class: "hint" }, "To get a link, run this on the server: ", h("code", {}, "netra token YOU --link")),
      h("div", { class: "actions" }, h("button", { class: "primary" }, "Sign in"))));
    this.#dialog.addEventListener("cancel", (event) => event.preventDefault());
    this.append(this.#dialog);
  }

  /** @param {string} why */
  ask(why) {
    this.#why.textContent = why;
    this.#fault.textContent = "";
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#token.focus();
  }

  /** @param {string} fault */
  showError(fault) {
    this.#fault.textContent = fault;
  }

  done() {
    this.#fault.textContent = "";
    this.#dialog.close();
  }
}

customElements.define("netra-sign-in", SignIn);
