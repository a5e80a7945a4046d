/** The connection's state, always visible, and a note when missed events were replayed after a loss. */
import { h, replace } from "../platform/dom.js";

const NOTE_MS = 8000;

/** @import { Session } from "../platform/session.js" */

export class ConnectionState extends HTMLElement {
  #text = h("span", { class: "connection-text", role: "status" });
  #note = h("span", { class: "connection-note", role: "status" });
  #retry = h("button", { type: "button", class: "quiet", onclick: () => this.#session?.retry(), hidden: true }, "Reconnect now");
  /** @type {Session | null} */
  #session = null;
  #timer = 0;

  connectedCallback() {
    replace(this, h("span", { class: "connection-dot", "aria-hidden": "true" }), this.#text, this.#retry, this.#note);
  }

  /** @param {Session} session */
  watch(session) {
    this.#session = session;
    session.addEventListener("state", () => this.#show());
    session.addEventListener("note", (event) => this.note(/** @type {CustomEvent<string>} */ (event).detail));
    this.#show();
  }

  /** @param {string} text */
  note(text) {
    this.#note.textContent = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#note.textContent = ""), NOTE_MS);
  }

  #show() {
    const state = this.#session?.state;
    if (state === undefined) return;
    this.dataset.state = state.state;
    this.#text.textContent = state.text;
    this.#retry.hidden = state.state !== "waiting";
  }
}

customElements.define("netra-connection", ConnectionState);
