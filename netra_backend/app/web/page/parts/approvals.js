/** Tool calls of any thread that wait for this user's approval. A decision made in another tab closes the card here. */
import { words } from "../core/format.js";
import { threadAddress } from "../core/route.js";
import { h, replace } from "../platform/dom.js";
import { valueView } from "./value_view.js";

/** @import { Session } from "../platform/session.js" */

export class Approvals extends HTMLElement {
  /** @type {Session | null} */
  #session = null;
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map();

  connectedCallback() {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Approvals");
    this.hidden = this.#cards.size === 0;
  }

  /** @param {Session} session */
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
        fault.textContent = error instanceof Error ? error.message : "Something went wrong.";
        for (const button of buttons.querySelectorAll("button")) button.disabled = false;
      }
    };
    replace(buttons,
      h("button", { type: "button", onclick: () => decide("deny") }, "Deny"),
      h("button", { type: "button", class: "primary", onclick: () => decide("approve") }, "Approve"));
    const title = `Allow “${words(approval.tool)}”?`;
    return h("article", { class: "approval", "aria-label": title, "data-approval": approval.approval_id },
      h("h3", { role: "alert" }, title),
      h("div", { class: "approval-arguments" }, valueView(approval.arguments)),
      h("p", { class: "hint" }, "Applies to these arguments only. Expires at ",
        h("time", { datetime: until.toISOString() }, until.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })),
        " · ", h("a", { href: threadAddress(approval.thread_id) }, "Open the conversation")),
      fault, buttons);
  }
}

customElements.define("netra-approvals", Approvals);
