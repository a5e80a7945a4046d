/** Tool calls that wait for this user's word, from whichever thread. What was decided elsewhere closes here. */
import { words } from "../core/format.js";
import { threadAddress } from "../core/route.js";
import { h, replace } from "../platform/dom.js";
import { valueView } from "./value_view.js";

export class Approvals extends HTMLElement {
  /** @type {import("../platform/session.js").Session | null} */
  #session = null;
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map();

  connectedCallback() {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Approvals");
    this.hidden = this.#cards.size === 0;
  }

  /** @param {import("../platform/session.js").Session} session */
  watch(session) {
    this.#session = session;
    session.addEventListener("approvals", () => this.#show());
    this.#show();
  }

  #show() {
    const waiting = this.#session?.approvals ?? new Map();
    for (const [id, card] of this.#cards) {
      if (waiting.has(id)) continue;
      card.remove();
      this.#cards.delete(id);
    }
    for (const [id, approval] of waiting) {
      if (this.#cards.has(id)) continue;
      const card = this.#card(approval);
      this.#cards.set(id, card);
      this.append(card);
    }
    this.hidden = this.#cards.size === 0;
  }

  /** @param {import("../core/types.js").Approval} approval */
  #card(approval) {
    const fault = h("p", { class: "fault-text", role: "alert" });
    const until = new Date(approval.expires_at);
    const buttons = h("div", { class: "actions" });
    const decide = async (/** @type {"approve" | "deny"} */ decision) => {
      for (const button of buttons.querySelectorAll("button")) button.disabled = true;
      try {
        await this.#session?.decide(approval, decision);
      } catch (error) {
        fault.textContent = error instanceof Error ? error.message : "That did not work.";
        for (const button of buttons.querySelectorAll("button")) button.disabled = false;
      }
    };
    replace(buttons,
      h("button", { type: "button", onclick: () => decide("deny") }, "Deny"),
      h("button", { type: "button", class: "primary", onclick: () => decide("approve") }, "Approve"));
    const title = `May “${words(approval.tool)}” run?`;
    return h("article", { class: "approval", "aria-label": title, "data-approval": approval.approval_id },
      h("h3", { role: "alert" }, title),
      h("div", { class: "approval-arguments" }, valueView(approval.arguments)),
      h("p", { class: "hint" }, "Counts for these arguments only. Until ",
        h("time", { datetime: until.toISOString() }, until.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })),
        " · ", h("a", { href: threadAddress(approval.thread_id) }, "its conversation")),
      fault, buttons);
  }
}

customElements.define("netra-approvals", Approvals);
