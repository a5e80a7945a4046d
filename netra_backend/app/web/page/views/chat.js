/** The chat view: the runs of a conversation as they happen, and the form to ask. */
import { threadAddress } from "../core/route.js";
import { CommandRejected } from "../core/commands.js";
import { Composer } from "../parts/composer.js";
import { h, replace } from "../platform/dom.js";

/**
 * @import { Row, Run } from "../core/thread_model.js"
 * @import { OpenThread, Session } from "../platform/session.js"
 * @typedef {import("../parts/windowed_list.js").WindowedList<Row>} Rows
 */

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
  #errors = h("div", { class: "faults", role: "alert" });
  #announcer = h("div", { class: "visually-hidden", role: "status" });
  #composer = new Composer();
  /** Loaded with the first question, as the list is with the first row: neither is part of the first paint. */
  #questions = /** @type {import("../parts/questions.js").Questions | null} */ (null);
  #list = /** @type {Rows | null} */ (null);
  #unfolded = /** @type {Set<string>} */ (new Set());
  /** @type {Map<string, Promise<string>>} */
  #html = new Map();
  /** @type {Session | null} */
  #session = null;
  /** @type {string | null} */
  #thread = null;
  /** Whose questions are shown. @type {Session | null} */
  #watched = null;
  #isDue = false;

  connectedCallback() {
    if (this.childElementCount > 0) return;
    replace(this, this.#frame, h("div", { class: "composer-area" }, this.#errors, this.#composer), this.#announcer);
    this.#frame.prepend(this.#welcome);
    this.#composer.addEventListener("ask", (event) => {
      const { text, supersedes } = /** @type {CustomEvent<{text: string, supersedes: string | null}>} */ (event).detail;
      void this.#ask(text, this.#composer.agent, supersedes, true);
    });
    this.#composer.addEventListener("stop", () => this.#stop());
  }

  /** @param {Session} session */
  watch(session) {
    this.#session = session;
    this.#html.clear();
    session.addEventListener("questions", () => void this.#watchQuestions(session));
    void this.#watchQuestions(session);
    this.#composer.ownedBy(session.me?.user_id ?? "");
    session.addEventListener("threads", () => this.#composer.offer(session.agents, session.defaultAgent));
    session.addEventListener("thread", (event) => {
      if (/** @type {CustomEvent<string>} */ (event).detail === this.#thread) this.#showSoon();
    });
    this.#composer.offer(session.agents, session.defaultAgent);
    this.open(this.#thread);
  }

  /** @param {Session} session */
  async #watchQuestions(session) {
    if (session !== this.#session || this.#watched === session) return;
    if (this.#questions === null && session.questions.size === 0) return;
    this.#watched = session;
    if (this.#questions === null) {
      try {
        const { Questions } = await import("../parts/questions.js");
        this.#questions ??= new Questions();
      } catch {
        this.#watched = null; // the server was away: the next news of questions tries again
        return;
      }
      this.#errors.after(this.#questions);
    }
    if (session === this.#session) this.#questions.watch(session);
  }

  /** Show this thread, or a new one. @param {string | null} threadId */
  open(threadId) {
    this.#thread = threadId;
    this.#composer.edit(null);
    this.#errors.replaceChildren();
    this.#list?.restart([]);
    this.#show();
  }

  focus() {
    this.#composer.focus();
  }

  /** Whether nothing followed it in its conversation. @param {Run} run */
  #isLast(run) {
    return this.#thread !== null && this.#session?.thread(this.#thread).model.runs.at(-1) === run;
  }

  async #loadList() {
    const [{ WindowedList }, { rowView }] = await Promise.all([import("../parts/windowed_list.js"), import("../parts/run_rows.js")]);
    this.#list ??= new WindowedList(this.#frame, (/** @type {Row} */ row) => rowView(row, {
      askAgain: (run) => void this.#ask(run.question, run.agent, this.#isLast(run) ? run.id : null),
      edit: (run) => this.#composer.edit(run),
      html: (run) => this.#htmlOf(run),
      unfolded: this.#unfolded,
    }));
    this.#showSoon();
  }

  /** At most once per animation frame, however many events arrive. */
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
    if (rows.length > 0 && this.#list === null) {
      void this.#loadList();
      return;
    }
    this.#showWelcome(thread, rows.length > 0);
    this.#list?.show(rows);
    const run = thread?.model.active;
    this.#composer.running = run !== undefined;
    const last = thread?.model.runs.at(-1);
    this.#frame.setAttribute("aria-busy", String(thread !== null && !thread.isLoaded));
    this.#announce(last);
  }

  /** Tell a screen reader, briefly, what the run does. @param {Run | undefined} run */
  #announce(run) {
    if (run === undefined) return;
    const ends = { agent_completed: "The answer is ready.", agent_failed: "The run failed.", agent_cancelled: "The run was stopped." };
    const step = run.steps.at(-1);
    const text = run.end ? ends[/** @type {keyof typeof ends} */ (run.end.type)] : step ? `${step.kind}: ${step.text}` : "Question sent.";
    if (this.#announcer.textContent !== text) this.#announcer.textContent = text;
  }

  /** @param {OpenThread | null} thread @param {boolean} hasRows */
  #showWelcome(thread, hasRows) {
    this.#welcome.hidden = hasRows;
    if (hasRows) return;
    if (thread?.absent) {
      replace(this.#welcome, h("h1", {}, "Conversation not found"), h("p", {}, "It may have been deleted."),
        h("p", {}, h("a", { class: "button", href: "#/" }, "Start a new one")));
    } else if (thread !== null) {
      replace(this.#welcome, h("p", { class: "empty" }, thread.isLoaded ? "Nothing here yet." : "Loading…"));
    } else if (!this.#welcome.querySelector(".examples")) {
      replace(this.#welcome, h("h1", {}, "Where does your LLM money go?"),
        h("p", {}, "Ask in your own words. You see every step, and every figure comes from your own data. ",
          h("a", { href: "#/data" }, "Upload your usage data"), "."),
        h("ul", { class: "examples" }, EXAMPLES.map((text) => h("li", {},
          h("button", { type: "button", onclick: () => void this.#ask(text, this.#composer.agent) }, text)))));
    }
  }

  /**
   * @param {string} text @param {string} agent
   * @param {string | null} [supersedes] The run in whose place this stands.
   * @param {boolean} [drafted] Whether the text is in the composer.
   */
  async #ask(text, agent, supersedes = null, drafted = false) {
    if (this.#session === null || agent === "") return;
    this.#errors.replaceChildren();
    if (drafted) this.#composer.text = "";
    const thread = this.#thread;
    try {
      const accepted = await this.#session.ask(text, agent, thread, supersedes);
      this.#list?.toEnd();
      if (this.#thread !== thread) return;
      if (thread === null) location.hash = threadAddress(accepted.thread_id);
      else this.#show();
    } catch (error) {
      if (drafted) this.#composer.giveBack(text);
      this.#showError(error, () => void this.#ask(text, agent, supersedes));
    }
  }

  #stop() {
    const run = this.#thread === null ? undefined : this.#session?.thread(this.#thread).model.active;
    if (run === undefined) return;
    this.#session?.cancel(run.id).catch((error) => this.#showError(error, null));
  }

  /** @param {unknown} error @param {(() => void) | null} again */
  #showError(error, again) {
    const info = error instanceof CommandRejected ? error.info : null;
    replace(this.#errors, h("div", { class: "fault" },
      h("p", { class: "fault-text" }, info?.message ?? "Something went wrong."), info?.hint && h("p", { class: "hint" }, info.hint),
      again !== null && info?.retryable && h("button", { type: "button", onclick: again }, "Try again")));
  }

  /** @param {Run} run */
  #htmlOf(run) {
    let html = this.#html.get(run.id);
    if (html === undefined) {
      html = /** @type {Session} */ (this.#session).api.text(`api/runs/${encodeURIComponent(run.id)}/html`);
      html.catch(() => this.#html.delete(run.id));
      this.#html.set(run.id, html);
    }
    return html;
  }
}

customElements.define("netra-chat", ChatView);
