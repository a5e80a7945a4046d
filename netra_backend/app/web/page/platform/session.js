/**
 * One signed-in user in this tab: API, connection, open threads, pending questions. Dispatches an event for each change: `state`,
 * `threads`, `thread` (detail: its id), `questions`, `note` (detail: a sentence).
 *
 * @import { AgentListed, Approval, ErrorInfo, Me, Question, RunEvent, ThreadListed } from "../core/types.js"
 * @typedef {{model: ThreadModel, isLoaded: boolean, absent: ErrorInfo | null}} OpenThread
 */
import { retrying, wait } from "../core/backoff.js";
import { afterStatus } from "../core/closes.js";
import { wellFormed } from "../core/json_text.js";
import { Link } from "../core/link.js";
import { ThreadModel } from "../core/thread_model.js";
import { Api, Problem } from "./api.js";

const ENDS = new Set(["agent_completed", "agent_failed", "agent_cancelled"]);
const MOST_OPEN = 20;
const REPAIRED = "A character in your question was cut in half; it was replaced by \ufffd.";

export class Session extends EventTarget {
  /** @type {import("../core/link.js").LinkState} */
  state = { state: "connecting", text: "Connecting…" };
  /** @type {Me | null} */
  me = null;
  /** @type {ThreadListed[]} */
  threads = [];
  search = "";
  /** @type {AgentListed[]} */
  agents = [];
  /** The agent that is asked by default; `null` if none is. @type {string | null} */
  defaultAgent = null;
  /** What waits for the user's answer, approvals included. @type {Map<string, Question>} */
  questions = new Map();
  /** @type {Map<string, OpenThread>} */
  #open = new Map();
  /** @type {Link | null} */
  #link = null;
  #listing = false;
  #listAgain = false;
  #isStopped = false;
  /** Try again now what waits for the server. */
  #wake = () => {};
  #token;

  /** @param {string} token */
  constructor(token) {
    super();
    this.#token = token;
    this.api = new Api(token, (why) => this.#expired(why));
  }

  /** Read the user's identity and connect. Waits while the server is away or busy. Rejects with `Problem`. */
  async start() {
    addEventListener("online", this.#online);
    addEventListener("offline", this.#offline);
    this.me = await this.#patiently(() => this.api.get("api/me"));
    this.#link = new Link(environment(this.api, /** @type {Me} */ (this.me).user_id, this.#token), {
      state: (state) => {
        this.state = state;
        this.#notify("state");
        if (state.state === "open") void this.#refresh();
      },
      event: (event) => this.#event(event),
      other: (event) => this.#react(event),
      reset: (id) => this.#opened(id).model.clear(),
      live: (id) => {
        this.#opened(id).isLoaded = true;
        this.#notify("thread", id);
      },
      absent: (id, info) => {
        const thread = this.#opened(id);
        thread.absent = info;
        thread.isLoaded = true;
        this.#notify("thread", id);
      },
      caughtUp: (replayed) => this.#notify("note", caughtUpNote(replayed)),
      drain: () => this.#notify("note", "The server is restarting; nothing is lost."),
    });
    this.#link.start();
    const listed = await this.#patiently(() => this.api.get("api/agents"));
    this.agents = listed.agents;
    this.defaultAgent = listed.default ?? null;
    this.#notify("threads");
  }

  /** Disconnect and remove all listeners. */
  stop() {
    removeEventListener("online", this.#online);
    removeEventListener("offline", this.#offline);
    this.#link?.stop();
    this.#isStopped = true;
    this.#wake();
  }

  /** Connect now instead of waiting. */
  retry() {
    this.#wake();
    this.#link?.start();
  }

  get isAdmin() {
    return this.me?.scopes.includes("admin") ?? false;
  }

  /** @param {string} id @returns {OpenThread} */
  thread(id) {
    const known = this.#open.get(id);
    if (known !== undefined) return known;
    const thread = this.#opened(id);
    this.#link?.follow(id);
    return thread;
  }

  /**
   * Ask; resolves with the thread and the run once the server has stored the question. Rejects with `CommandRejected`.
   * @param {string} message @param {string} agent @param {string | null} threadId
   * @param {string | null} [supersedes] The run in whose place this question stands.
   * @returns {Promise<{thread_id: string, run_id: string}>}
   */
  ask(message, agent, threadId, supersedes = null) {
    const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    const thread = { ...(threadId !== null && { thread_id: threadId }), ...(supersedes !== null && { supersedes }) };
    if (wellFormed(message) !== message) this.#notify("note", REPAIRED);
    return this.#command({ type: "execute_agent", agent, message, timezone, ...thread }).then((accepted) => {
      this.#opened(accepted.thread_id).isLoaded = true;
      this.list().catch(() => {}); // the next change loads it again
      return accepted;
    });
  }

  /** Run the isolation drill, if the server allows it. Always rejects: the message holds the result. */
  drill() {
    return this.#command({ type: "execute_agent", message: "drill", stress_ssot_isolation: true });
  }

  /** @param {string} runId */
  cancel(runId) {
    return this.#command({ type: "cancel_run", run_id: runId });
  }

  /** @param {Approval} approval @param {"approve" | "deny"} decision @param {string} reason @param {boolean} remember */
  decide(approval, decision, reason, remember) {
    const { approval_id, arguments_hash } = approval;
    const more = { ...(reason !== "" && { reason }), ...(remember && { remember }) }; // servers of 0.1.0 know neither
    return this.#command({ type: "resolve_approval", approval_id, decision, arguments_hash, ...more });
  }

  /** Rejects with `CommandRejected` where the answer does not fit. @param {Question} question @param {unknown} answer */
  answer(question, answer) {
    return this.#command({ type: "answer_question", question_id: question.question_id, answer });
  }

  /** @param {string} id @param {string} title */
  async rename(id, title) {
    await this.api.send("PATCH", `api/threads/${encodeURIComponent(id)}`, { title });
    await this.list();
  }

  /** @param {string} id */
  async remove(id) {
    await this.api.send("DELETE", `api/threads/${encodeURIComponent(id)}`);
    this.#link?.forget(id);
    this.#open.delete(id);
    await this.list();
  }

  /** Reload the list of threads; calls made meanwhile share one more reload. */
  async list() {
    if (this.#listing) {
      this.#listAgain = true;
      return;
    }
    this.#listing = true;
    try {
      const search = new URLSearchParams({ limit: "100", search: this.search });
      this.threads = (await this.api.get(`api/threads?${search}`)).threads;
      this.#notify("threads");
    } finally {
      this.#listing = false;
      if (this.#listAgain) {
        this.#listAgain = false;
        await this.list();
      }
    }
  }

  #online = () => this.retry();
  #offline = () => this.#link?.offline();

  /** Ask again while the server is away or busy. @template T @param {() => Promise<T>} ask @returns {Promise<T>} */
  async #patiently(ask) {
    for (let tries = 0; ; tries += 1) {
      try {
        return await ask();
      } catch (error) {
        const isAway = error instanceof Problem && afterStatus(error.status, error.info.error) === "reconnect";
        if (!isAway || this.#isStopped) throw error;
        const ms = wait(tries, Math.random);
        if (this.#link === null) this.#waiting(retrying(error.info.message, ms));
        await new Promise((resolve) => {
          this.#wake = () => resolve(undefined);
          setTimeout(resolve, ms);
        });
      }
    }
  }

  /** @param {string} text */
  #waiting(text) {
    this.state = { state: "waiting", text };
    this.#notify("state");
  }

  /** @param {Record<string, unknown>} frame */
  #command(frame) {
    return this.#link === null ? Promise.reject(new Error("Not connected.")) : this.#link.command(frame);
  }

  /** @param {string} id */
  #opened(id) {
    let thread = this.#open.get(id);
    if (thread === undefined) {
      this.#makeRoom();
      thread = { model: new ThreadModel(), isLoaded: false, absent: null };
      this.#open.set(id, thread);
    }
    return thread;
  }

  /** Forget the oldest open thread in which nothing runs; opening it loads it again. */
  #makeRoom() {
    if (this.#open.size < MOST_OPEN) return;
    const idle = [...this.#open].find(([, { model }]) => model.active === undefined);
    if (idle === undefined) return;
    this.#open.delete(idle[0]);
    this.#link?.forget(idle[0]);
  }

  async #refresh() {
    try {
      const { questions } = await this.api.get("api/questions");
      this.questions = new Map(questions.map((/** @type {Question} */ each) => [each.question_id, each]));
      this.#notify("questions");
      await this.list();
    } catch {
      // The connection shows its state; the next time it opens, this is loaded again.
    }
  }

  /** @param {RunEvent} event */
  #event(event) {
    this.#opened(event.thread_id).model.take(event);
    this.#notify("thread", event.thread_id);
    this.#react(event);
  }

  /** Update questions and the thread list. @param {RunEvent} event */
  #react(event) {
    const asked = questionIn(event);
    if (asked !== null && asked.expires_at > Date.now()) {
      this.questions.set(asked.question_id, asked);
      this.#notify("questions");
    } else if (event.type === "approval_resolved" || event.type === "question_answered") {
      this.questions.delete(event.approval_id ?? event.question_id ?? "");
      this.#notify("questions");
    } else if (ENDS.has(event.type)) {
      for (const [id, each] of this.questions) if (each.run_id === event.run_id) this.questions.delete(id);
      this.#notify("questions");
    } else if (event.type === "user_message" && !this.threads.some((each) => each.thread_id === event.thread_id)) {
      void this.list().catch(() => {});
    }
  }

  /** @param {string} text */
  #expired(text) {
    this.#link?.stop();
    this.state = { state: "sign_in", text };
    this.#notify("state");
  }

  /** @param {string} type @param {unknown} [detail] */
  #notify(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** The question that an event asks, as the server lists it. @param {RunEvent} event @returns {Question | null} */
function questionIn(event) {
  const asked = /** @type {any} */ (event);
  if (event.type === "question_asked") return { ...asked, schema: asked.schema ?? null, approval: null };
  if (event.type !== "approval_requested") return null;
  return { ...asked, question_id: asked.approval_id, text: "", schema: asked.response_schema ?? null, approval: asked };
}

/** @param {number} replayed */
function caughtUpNote(replayed) {
  const events = replayed === 1 ? "1 event" : `${replayed.toLocaleString("en-US")} events`;
  return `Caught up, nothing missed (${events} replayed).`;
}

/**
 * The browser's socket, timers and randomness for a `Link`.
 * @param {Api} api @param {string} userId @param {string} token @returns {import("../core/link.js").Environment}
 */
function environment(api, userId, token) {
  const address = api.address(`ws/${encodeURIComponent(userId)}`).replace(/^http/, "ws");
  return {
    open(handlers) {
      const socket = new WebSocket(address, ["netra.v1", `bearer.${token}`]);
      socket.onmessage = (message) => handlers.onMessage(message.data);
      socket.onclose = (close) => handlers.onClose(close.code, close.reason);
      return socket;
    },
    after(ms, act) {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    key: () => crypto.randomUUID(),
  };
}
