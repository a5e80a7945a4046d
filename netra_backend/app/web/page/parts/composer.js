/**
 * The form to ask. The tab keeps the draft until the server has accepted it, also across an expired sign-in and a reload.
 */
import { words } from "../core/format.js";
import { h, replace } from "../platform/dom.js";

const DRAFT = "netra.draft";
const AGENT = "netra.agent";
const MOST_CHARACTERS = 16_000;

export class Composer extends HTMLElement {
  #text = h("textarea", { rows: "1", placeholder: "Ask about your LLM spend…", "aria-label": "Your question",
    maxlength: String(MOST_CHARACTERS) });
  #agent = h("select", { "aria-label": "Agent" });
  #send = h("button", { class: "primary", title: "Send (Enter)" }, "Send");
  #stop = h("button", { type: "button", class: "danger", hidden: true, title: "Stop the run (Escape)" }, "Stop");
  #owner = "";
  /** The run whose question is being edited. @type {string | null} */
  #edited = null;
  #note = h("p", { class: "hint composer-note", hidden: true },
    "Sending it replaces the question, and what followed it. ",
    h("button", { type: "button", class: "quiet", onclick: () => this.edit(null) }, "Ask a new one instead"));

  connectedCallback() {
    replace(this, h("form", { class: "composer" }, this.#note, this.#text,
      h("div", { class: "composer-row" }, this.#agent,
        h("span", { class: "composer-hint" }, "Enter to send, Shift+Enter for a new line"), this.#stop, this.#send)));
    const form = /** @type {HTMLFormElement} */ (this.firstElementChild);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("input", () => this.#saveDraft());
    this.#text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.#submit();
      }
      if (event.key === "Escape" && !this.#stop.hidden) this.#stop.click();
    });
    this.#agent.addEventListener("change", () => sessionStorage.setItem(AGENT, this.#agent.value));
    this.#stop.addEventListener("click", () => this.dispatchEvent(new CustomEvent("stop")));
  }

  /** Set the draft's owner; another user's draft is discarded. @param {string} userId */
  ownedBy(userId) {
    const [owner, ...draft] = (sessionStorage.getItem(DRAFT) ?? "").split("\n");
    if (this.#owner !== "" && this.#owner !== userId) this.text = "";
    this.#owner = userId;
    if (owner === userId && this.#text.value === "") this.text = draft.join("\n");
    this.#saveDraft();
  }

  /** @param {import("../core/types.js").AgentListed[]} agents @param {string | null} usual The one to ask if none was chosen. */
  offer(agents, usual) {
    const chosen = this.#agent.value || sessionStorage.getItem(AGENT) || (usual ?? "");
    replace(this.#agent, agents.map((each) => h("option", { value: each.name, title: each.description }, words(each.name))));
    this.#agent.value = agents.some((each) => each.name === chosen) ? chosen : (agents[0]?.name ?? "");
  }

  /** @param {boolean} running */
  set running(running) {
    this.#stop.hidden = !running;
  }

  /** @param {string} text */
  set text(text) {
    this.#text.value = text;
    this.#saveDraft();
  }

  /** Edit this run's question; with `null`, none. @param {import("../core/thread_model.js").Run | null} run */
  edit(run) {
    this.#edited = run?.id ?? null;
    this.#note.hidden = run === null;
    if (run === null) return;
    this.text = run.question;
    this.#text.focus();
  }

  /** Put back a text that was not accepted, before what was typed since. @param {string} text */
  giveBack(text) {
    const typed = this.#text.value;
    this.text = typed === "" ? text : `${text}\n${typed}`;
  }

  get agent() {
    return this.#agent.value;
  }

  focus() {
    this.#text.focus();
  }

  #submit() {
    const text = this.#text.value.trim();
    if (text === "" || this.agent === "") return;
    const supersedes = this.#edited;
    this.edit(null);
    this.dispatchEvent(new CustomEvent("ask", { detail: { text, supersedes } }));
  }

  #saveDraft() {
    if (this.#owner !== "") sessionStorage.setItem(DRAFT, `${this.#owner}\n${this.#text.value}`);
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(this.#text.scrollHeight, 200)}px`;
  }
}

customElements.define("netra-composer", Composer);
