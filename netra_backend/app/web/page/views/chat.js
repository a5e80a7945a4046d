/** The conversation: its runs as they happen, and where one asks. */
import { threadAddress } from "../core/route.js";
import { Refused } from "../core/link.js";
import "../parts/approvals.js";
import "../parts/composer.js";
import { rowView } from "../parts/run_rows.js";
import { WindowedList } from "../parts/windowed_list.js";
import { h, replace } from "../platform/dom.js";

/** @typedef {import("../core/thread_model.js").Run} Run */

const EXAMPLES = [
  "Where does my money go, and where can I cut?",
  "Which team costs most?",
  "What jumped this month?",
  "What if all of it went to gpt-4o-mini?",
  "Will we stay under $20k this month?",
];

export class ChatView extends HTMLElement {
  #frame = h("div", { class: "conversation", tabindex: "0", role: "region", "aria-label": "Conversation" });
  #welcome = h("div", { class: "welcome" });
  #faults = h("div", { class: "faults", role: "alert" });
  #said = h("div", { class: "visually-hidden", role: "status" });
  #composer = /** @type {import("../parts/composer.js").Composer} */ (document.createElement("netra-composer"));
  #approvals = /** @type {import("../parts/approvals.js").Approvals} */ (document.createElement("netra-approvals"));
  #unfolded = /** @type {Set<string>} */ (new Set());
  /** @type {Map<string, Promise<string>>} */
  #html = new Map();
  #list = new WindowedList(this.#frame, (/** @type {import("../core/thread_model.js").Row} */ row) => rowView(row, {
    askAgain: (run) => void this.#ask(run.question, run.agent),
    html: (run) => this.#htmlOf(run),
    unfolded: this.#unfolded,
  }));
  /** @type {import("../platform/session.js").Session | null} */
  #session = null;
  /** @type {string | null} */
  #thread = null;
  #isDue = false;

  connectedCallback() {
    if (this.childElementCount > 0) return;
    replace(this, this.#frame, h("div", { class: "desk" }, this.#faults, this.#approvals, this.#composer), this.#said);
    this.#frame.prepend(this.#welcome);
    this.#composer.addEventListener("ask", (event) => {
      void this.#ask(/** @type {CustomEvent<string>} */ (event).detail, this.#composer.agent, true);
    });
    this.#composer.addEventListener("halt", () => this.#halt());
  }

  /** @param {import("../platform/session.js").Session} session */
  watch(session) {
    this.#session = session;
    this.#html.clear();
    this.#approvals.watch(session);
    this.#composer.ownedBy(session.me?.user_id ?? "");
    session.addEventListener("threads", () => this.#composer.offer(session.agents));
    session.addEventListener("thread", (event) => {
      if (/** @type {CustomEvent<string>} */ (event).detail === this.#thread) this.#showSoon();
    });
    this.#composer.offer(session.agents);
    this.open(this.#thread);
  }

  /** Show this thread, or a new one. @param {string | null} threadId */
  open(threadId) {
    this.#thread = threadId;
    this.#faults.replaceChildren();
    this.#list.restart([]);
    this.#show();
  }

  focus() {
    this.#composer.focus();
  }

  /** Once a frame, however many events come. */
  #showSoon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#show();
    });
  }

  #show() {
    const thread = this.#thread === null || this.#session === null ? null : this.#session.thread(this.#thread);
    const rows = thread?.model.rows() ?? [];
    this.#welcomes(thread, rows.length > 0);
    this.#list.show(rows);
    const run = thread?.model.active;
    this.#composer.running = run !== undefined;
    const last = thread?.model.runs.at(-1);
    this.#frame.setAttribute("aria-busy", String(thread !== null && !thread.isLoaded));
    this.#tell(last);
  }

  /** What a screen reader hears of a run's way, in few words. @param {Run | undefined} run */
  #tell(run) {
    if (run === undefined) return;
    const ends = { agent_completed: "The answer is there.", agent_failed: "The run failed.", agent_cancelled: "The run was stopped." };
    const step = run.steps.at(-1);
    const text = run.end ? ends[/** @type {keyof typeof ends} */ (run.end.type)] : step ? `${step.kind}: ${step.text}` : "Asked.";
    if (this.#said.textContent !== text) this.#said.textContent = text;
  }

  /** @param {{isLoaded: boolean, absent: import("../core/types.js").Told | null} | null} thread @param {boolean} hasRows */
  #welcomes(thread, hasRows) {
    this.#welcome.hidden = hasRows;
    if (hasRows) return;
    if (thread?.absent) {
      replace(this.#welcome, h("h1", {}, "There is no such conversation"), h("p", {}, "It may have been deleted."),
        h("p", {}, h("a", { class: "button", href: "#/" }, "Begin another")));
    } else if (thread !== null) {
      replace(this.#welcome, h("p", { class: "empty" }, thread.isLoaded ? "Nothing here yet." : "Reading…"));
    } else if (!this.#welcome.querySelector(".examples")) {
      replace(this.#welcome, h("h1", {}, "Where does your LLM money go?"),
        h("p", {}, "Ask in your own words. Every step is shown, every figure comes from your own data, which you can ",
          h("a", { href: "#/data" }, "bring here"), "."),
        h("ul", { class: "examples" }, EXAMPLES.map((text) => h("li", {},
          h("button", { type: "button", onclick: () => void this.#ask(text, this.#composer.agent) }, text)))));
    }
  }

  /** @param {string} text @param {string} agent @param {boolean} [drafted] Whether it stands in the composer. */
  async #ask(text, agent, drafted = false) {
    if (this.#session === null || agent === "") return;
    this.#faults.replaceChildren();
    if (drafted) this.#composer.text = "";
    const thread = this.#thread;
    try {
      const accepted = await this.#session.ask(text, agent, thread);
      this.#list.toEnd();
      if (this.#thread !== thread) return;
      if (thread === null) location.hash = threadAddress(accepted.thread_id);
      else this.#show();
    } catch (error) {
      if (drafted) this.#composer.text = text;
      this.#fault(error, () => void this.#ask(text, agent));
    }
  }

  #halt() {
    const run = this.#thread === null ? undefined : this.#session?.thread(this.#thread).model.active;
    if (run === undefined) return;
    this.#session?.cancel(run.id).catch((error) => this.#fault(error, null));
  }

  /** @param {unknown} error @param {(() => void) | null} again */
  #fault(error, again) {
    const told = error instanceof Refused ? error.told : null;
    replace(this.#faults, h("div", { class: "fault" },
      h("p", { class: "fault-text" }, told?.message ?? "That did not work."), told?.hint && h("p", { class: "hint" }, told.hint),
      again !== null && told?.retryable && h("button", { type: "button", onclick: again }, "Try again")));
  }

  /** @param {Run} run */
  #htmlOf(run) {
    let html = this.#html.get(run.id);
    if (html === undefined) {
      html = /** @type {import("../platform/session.js").Session} */ (this.#session).api.text(`api/runs/${encodeURIComponent(run.id)}/html`);
      html.catch(() => this.#html.delete(run.id));
      this.#html.set(run.id, html);
    }
    return html;
  }
}

customElements.define("netra-chat", ChatView);
