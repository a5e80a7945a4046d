/**
 * One signed-in user in this tab: the API, the connection, the threads that were opened, and what waits for a decision. Tells
 * of changes by events: `state`, `threads`, `thread` (detail: its id), `approvals`, `note` (detail: a sentence).
 *
 * @typedef {import("../core/types.js").RunEvent} RunEvent
 * @typedef {import("../core/types.js").Approval} Approval
 * @typedef {import("../core/types.js").ThreadListed} ThreadListed
 * @typedef {import("../core/types.js").AgentListed} AgentListed
 * @typedef {import("../core/types.js").Me} Me
 * @typedef {import("../core/types.js").Told} Told
 */
import { Link } from "../core/link.js";
import { ThreadModel } from "../core/thread_model.js";
import { Api } from "./api.js";

const ENDS = new Set(["agent_completed", "agent_failed", "agent_cancelled"]);
const MOST_OPEN = 20;

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
  /** @type {Map<string, Approval>} */
  approvals = new Map();
  /** @type {Map<string, {model: ThreadModel, isLoaded: boolean, absent: Told | null}>} */
  #open = new Map();
  /** @type {Link | null} */
  #link = null;
  #listing = false;
  #listAgain = false;
  #token;

  /** @param {string} token */
  constructor(token) {
    super();
    this.#token = token;
    this.api = new Api(token, () => this.#expired("Your sign-in is no longer good."));
  }

  /** Find out who this is, and connect. Rejects with `Problem`. */
  async start() {
    this.me = await this.api.get("api/me");
    this.#link = new Link(world(this.api, /** @type {Me} */ (this.me).user_id, this.#token), {
      state: (state) => {
        this.state = state;
        this.#tell("state");
        if (state.state === "open") void this.#refresh();
      },
      event: (event) => this.#event(event),
      other: (event) => this.#news(event),
      reset: (id) => this.#opened(id).model.clear(),
      live: (id) => {
        this.#opened(id).isLoaded = true;
        this.#tell("thread", id);
      },
      absent: (id, told) => {
        const thread = this.#opened(id);
        thread.absent = told;
        thread.isLoaded = true;
        this.#tell("thread", id);
      },
      caughtUp: (replayed) => this.#tell("note", caughtUpTold(replayed)),
      drain: () => this.#tell("note", "The server is being renewed; nothing is lost."),
    });
    addEventListener("online", this.#online);
    addEventListener("offline", this.#offline);
    this.#link.start();
    this.agents = (await this.api.get("api/agents")).agents;
    this.#tell("threads");
  }

  /** Let go of everything. */
  stop() {
    removeEventListener("online", this.#online);
    removeEventListener("offline", this.#offline);
    this.#link?.stop();
  }

  /** Connect now instead of later. */
  retry() {
    this.#link?.start();
  }

  get isAdmin() {
    return this.me?.scopes.includes("admin") ?? false;
  }

  /** @param {string} id @returns {{model: ThreadModel, isLoaded: boolean, absent: Told | null}} */
  thread(id) {
    const known = this.#open.get(id);
    if (known !== undefined) return known;
    const thread = this.#opened(id);
    this.#link?.follow(id);
    return thread;
  }

  /**
   * Ask; the thread and the run, once the server has stored it. Rejects with `Refused`.
   * @param {string} message @param {string} agent @param {string | null} threadId
   * @returns {Promise<{thread_id: string, run_id: string}>}
   */
  ask(message, agent, threadId) {
    const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    const thread = threadId === null ? {} : { thread_id: threadId };
    return this.#command({ type: "execute_agent", agent, message, timezone, ...thread }).then((accepted) => {
      this.#opened(accepted.thread_id).isLoaded = true;
      this.list().catch(() => {}); // the next change reads it again
      return accepted;
    });
  }

  /** Hold the isolation drill, where this server allows it; its answer is a refusal. */
  drill() {
    return this.#command({ type: "execute_agent", agent: "triage_agent", message: "drill", stress_ssot_isolation: true });
  }

  /** @param {string} runId */
  cancel(runId) {
    return this.#command({ type: "cancel_run", run_id: runId });
  }

  /** @param {Approval} approval @param {"approve" | "deny"} decision */
  decide(approval, decision) {
    const { approval_id, arguments_hash } = approval;
    return this.#command({ type: "resolve_approval", approval_id, decision, arguments_hash });
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

  /** Read the list of threads anew; calls that come meanwhile are one more. */
  async list() {
    if (this.#listing) {
      this.#listAgain = true;
      return;
    }
    this.#listing = true;
    try {
      const search = new URLSearchParams({ limit: "100", search: this.search });
      this.threads = (await this.api.get(`api/threads?${search}`)).threads;
      this.#tell("threads");
    } finally {
      this.#listing = false;
      if (this.#listAgain) {
        this.#listAgain = false;
        await this.list();
      }
    }
  }

  #online = () => this.#link?.start();
  #offline = () => this.#link?.offline();

  /** @param {Record<string, unknown>} frame */
  #command(frame) {
    return this.#link === null ? Promise.reject(new Error("not connected")) : this.#link.command(frame);
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

  /** A thread that is not looked at any more, and in which nothing runs, is read again when it is wanted. */
  #makeRoom() {
    if (this.#open.size < MOST_OPEN) return;
    const idle = [...this.#open].find(([, { model }]) => model.active === undefined);
    if (idle === undefined) return;
    this.#open.delete(idle[0]);
    this.#link?.forget(idle[0]);
  }

  async #refresh() {
    try {
      const { approvals } = await this.api.get("api/approvals");
      this.approvals = new Map(approvals.map((/** @type {Approval} */ each) => [each.approval_id, each]));
      this.#tell("approvals");
      await this.list();
    } catch {
      // The connection tells its own state; the next time it opens, this is read again.
    }
  }

  /** @param {RunEvent} event */
  #event(event) {
    this.#opened(event.thread_id).model.take(event);
    this.#tell("thread", event.thread_id);
    this.#news(event);
  }

  /** What an event means for the page around the thread. @param {RunEvent} event */
  #news(event) {
    if (event.type === "approval_requested" && (event.expires_at ?? 0) > Date.now()) {
      this.approvals.set(/** @type {string} */ (event.approval_id), /** @type {any} */ (event));
      this.#tell("approvals");
    } else if (event.type === "approval_resolved") {
      this.approvals.delete(/** @type {string} */ (event.approval_id));
      this.#tell("approvals");
    } else if (ENDS.has(event.type)) {
      for (const [id, each] of this.approvals) if (each.run_id === event.run_id) this.approvals.delete(id);
      this.#tell("approvals");
    } else if (event.type === "user_message" && !this.threads.some((each) => each.thread_id === event.thread_id)) {
      void this.list().catch(() => {});
    }
  }

  /** @param {string} text */
  #expired(text) {
    this.#link?.stop();
    this.state = { state: "sign_in", text };
    this.#tell("state");
  }

  /** @param {string} type @param {unknown} [detail] */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** @param {number} replayed */
function caughtUpTold(replayed) {
  const events = replayed === 1 ? "1 event" : `${replayed.toLocaleString("en-US")} events`;
  return `Caught up, nothing missed (${events} replayed).`;
}

/** The browser, as a link sees it. @param {Api} api @param {string} userId @param {string} token @returns {import("../core/link.js").World} */
function world(api, userId, token) {
  const address = api.address(`ws/${encodeURIComponent(userId)}`).replace(/^http/, "ws");
  return {
    open(ears) {
      const socket = new WebSocket(address, ["netra.v1", `bearer.${token}`]);
      socket.onmessage = (message) => ears.heard(message.data);
      socket.onclose = (close) => ears.closed(close.code, close.reason);
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
