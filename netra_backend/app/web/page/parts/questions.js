/** What runs of any thread ask this user, approvals of tool calls among it. What is answered in another tab goes here, too. */
import { words } from "../core/format.js";
import { threadAddress } from "../core/route.js";
import { h, replace } from "../platform/dom.js";
import { answerForm } from "./answer_form.js";
import { valueView } from "./value_view.js";

/** @import { Session } from "../platform/session.js" */
/** @import { Approval, Question } from "../core/types.js" */

export class Questions extends HTMLElement {
  /** @type {Session | null} */
  #session = null;
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map();

  connectedCallback() {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Questions");
    this.hidden = this.#cards.size === 0;
  }

  /** @param {Session} session */
  watch(session) {
    this.#session = session;
    session.addEventListener("questions", () => this.#show());
    this.#show();
  }

  #show() {
    const waiting = this.#session?.questions ?? new Map();
    for (const [id, card] of this.#cards) {
      if (waiting.has(id)) continue;
      card.remove();
      this.#cards.delete(id);
    }
    for (const [id, question] of waiting) {
      if (this.#cards.has(id)) continue;
      const card = question.approval ? this.#approval(question, question.approval) : this.#question(question);
      this.#cards.set(id, card);
      this.append(card);
    }
    this.hidden = this.#cards.size === 0;
  }

  /** @param {Question} question */
  #question(question) {
    const send = (/** @type {unknown} */ answer) => this.#session?.answer(question, answer) ?? Promise.resolve();
    return h("article", { class: "asked", "aria-label": question.text, "data-question": question.question_id },
      h("h3", { role: "alert" }, question.text),
      answerForm(question.schema, question.text, send),
      untilView(question, ""));
  }

  /** @param {Question} question @param {Approval} approval */
  #approval(question, approval) {
    const fault = h("p", { class: "fault-text", role: "alert" });
    const reason = h("input", { maxlength: "2000", autocomplete: "off" });
    const remember = h("input", { type: "checkbox" });
    const buttons = h("div", { class: "actions" });
    const decide = async (/** @type {"approve" | "deny"} */ decision) => {
      for (const button of buttons.querySelectorAll("button")) button.disabled = true;
      try {
        await this.#session?.decide(approval, decision, reason.value.trim(), decision === "approve" && remember.checked);
      } catch (error) {
        fault.textContent = error instanceof Error ? error.message : "Something went wrong.";
        for (const button of buttons.querySelectorAll("button")) button.disabled = false;
      }
    };
    replace(buttons,
      h("button", { type: "button", onclick: () => decide("deny") }, "Deny"),
      h("button", { type: "button", class: "primary", onclick: () => decide("approve") }, "Approve"));
    const title = `Allow “${words(approval.tool)}”?`;
    return h("article", { class: "asked approval", "aria-label": title, "data-question": question.question_id },
      h("h3", { role: "alert" }, title),
      approval.reason && h("p", {}, approval.reason),
      h("div", { class: "approval-arguments" }, valueView(approval.arguments)),
      h("label", { class: "field" }, "Reason (the agent is told)", reason),
      h("label", { class: "check" }, remember, "Do not ask again about this tool in this run, whatever its arguments"),
      untilView(question, "Applies to these arguments only. "),
      fault, buttons);
  }
}

/** @param {Question} question @param {string} before */
function untilView(question, before) {
  const until = new Date(question.expires_at);
  return h("p", { class: "hint" }, `${before}Expires at `,
    h("time", { datetime: until.toISOString() }, until.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })),
    " · ", h("a", { href: threadAddress(question.thread_id) }, "Open the conversation"));
}

customElements.define("netra-questions", Questions);
