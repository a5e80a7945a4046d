/**
 * The page's connection: one WebSocket that reconnects and resumes. Every event of a followed thread is delivered once and in
 * order. After a loss, commands are sent again under the same key, so that each happens once; what was refused is not.
 *
 * Nothing here touches the browser: sockets, timers and randomness are passed in.
 *
 * @import { ErrorInfo, RunEvent } from "./types.js"
 *
 * @typedef {object} Socket
 * @property {(text: string) => void} send
 * @property {(code?: number) => void} close
 *
 * @typedef {object} SocketHandlers
 * @property {(text: string) => void} onMessage
 * @property {(code: number, reason: string) => void} onClose
 *
 * @typedef {object} Environment
 * @property {(handlers: SocketHandlers) => Socket} open
 * @property {(ms: number, act: () => void) => () => void} after Acts once, unless the returned function is called before.
 * @property {() => number} random
 * @property {() => string} key A key that was never used before.
 *
 * @typedef {{state: "connecting" | "open" | "waiting" | "offline" | "sign_in" | "stopped", text: string}} LinkState
 *
 * @typedef {object} Listener
 * @property {(state: LinkState) => void} state
 * @property {(event: RunEvent) => void} event Of a followed thread: once, in order.
 * @property {(event: RunEvent) => void} other Of a thread that is not followed: a hint that it changed.
 * @property {(threadId: string) => void} reset The thread's history was replaced; it is delivered from its start.
 * @property {(threadId: string) => void} live Everything up to now was delivered.
 * @property {(threadId: string, info: ErrorInfo) => void} absent
 * @property {(replayed: number) => void} caughtUp After a loss: nothing was missed.
 * @property {() => void} drain The server shuts down; another one takes over.
 */
import { retrying, wait } from "./backoff.js";
import { afterClose, closeMessage } from "./closes.js";
import { Commands } from "./commands.js";
import { CLOSES, STEADY_MS } from "./error_table.js";
import { Positions } from "./positions.js";

const RESUME_PREFIX = "resume-";
const AGAIN_MS = 1000;
const OFFLINE = 1001;
const AGAIN = "Sign in, then send it again.";

export class Link {
  #positions = new Positions();
  #commands = new Commands();
  /** @type {Map<string, string>} Keys of pending resumes, with their thread. */
  #resuming = new Map();
  /** @type {Socket | null} */
  #socket = null;
  #isOpen = false;
  /** Why no connection comes any more. @type {ErrorInfo | null} */
  #over = null;
  #wasOpen = false;
  #tries = 0;
  #replayed = 0;
  #isCatchingUp = false;
  #heartbeatMs = 20_000;
  /** How long the server asked to wait, should it close the connection. */
  #askedMs = 0;
  #cancelTimer = () => {};
  #cancelWatch = () => {};
  #cancelSteady = () => {};
  #env;
  #listener;

  /** @param {Environment} env @param {Listener} listener */
  constructor(env, listener) {
    this.#env = env;
    this.#listener = listener;
  }

  /** Connect; if it waits to reconnect, do so at once. After an end for good there is nothing to connect. */
  start() {
    if (this.#socket !== null || this.#over !== null) return;
    this.#cancelTimer();
    this.#notify(this.#wasOpen ? "waiting" : "connecting", this.#wasOpen ? "Reconnecting…" : "Connecting…");
    /** @type {SocketHandlers} */
    const handlers = {
      onMessage: (text) => {
        if (this.#socket === socket) this.#onMessage(JSON.parse(text));
      },
      onClose: (code, reason) => {
        if (this.#socket === socket) this.#onClose(code, reason);
      },
    };
    const socket = this.#env.open(handlers);
    this.#socket = socket;
    this.#watch();
  }

  /** There is no network: disconnect and wait for `start`. */
  offline() {
    if (this.#over !== null) return;
    this.#disconnect(OFFLINE);
    this.#notify("offline", "You are offline. Your draft is kept; the page reconnects by itself.");
  }

  /** Disconnect for good. */
  stop() {
    if (this.#over !== null) return;
    this.#disconnect(OFFLINE);
    this.#end("stopped", "", { error: "stopped", message: "The connection was closed.", hint: AGAIN, retryable: false });
  }

  /** Follow a thread from its beginning. @param {string} threadId */
  follow(threadId) {
    if (this.#positions.follows(threadId)) return;
    this.#positions.follow(threadId, "", 0);
    this.#resume([threadId]);
  }

  /** @param {string} threadId */
  forget(threadId) {
    this.#positions.forget(threadId);
  }

  /**
   * Send a command; resolves with the server's `accepted` once it is stored. Rejects with `CommandRejected`.
   * @param {Record<string, unknown>} frame
   * @returns {Promise<any>}
   */
  command(frame) {
    const id = this.#env.key();
    const answer = this.#commands.add(id, { ...frame, id });
    if (this.#over !== null) this.#commands.end(this.#over);
    this.#sendCommands();
    return answer;
  }

  #sendCommands() {
    if (!this.#isOpen) return;
    for (const text of this.#commands.unsent()) this.#socket?.send(text);
  }

  /** @param {object} frame */
  #send(frame) {
    if (this.#isOpen) this.#socket?.send(JSON.stringify(frame));
  }

  /** @param {string} threadId */
  #isResuming(threadId) {
    return [...this.#resuming.values()].includes(threadId);
  }

  /** @param {string[]} threadIds */
  #resume(threadIds) {
    if (!this.#isOpen) return;
    const all = this.#positions.all();
    for (const threadId of threadIds) {
      const id = RESUME_PREFIX + this.#env.key();
      this.#resuming.set(id, threadId);
      this.#send({ type: "resume", id, positions: { [threadId]: all[threadId] } });
    }
  }

  /** @param {any} frame */
  #onMessage(frame) {
    this.#watch();
    switch (frame.type) {
      case "connected":
        this.#onConnected(frame);
        break;
      case "accepted":
        this.#onAccepted(frame);
        break;
      case "error":
        this.#onError(frame);
        break;
      case "heartbeat":
        this.#resume(this.#positions.behind(frame.tops).filter((id) => !this.#isResuming(id)));
        break;
      case "reset":
        this.#resuming.delete(frame.id);
        if (this.#positions.follows(frame.thread_id)) {
          this.#positions.follow(frame.thread_id, frame.epoch, frame.oldest - 1);
          this.#listener.reset(frame.thread_id);
          this.#resume([frame.thread_id]);
        }
        break;
      case "live":
        this.#positions.learnEpoch(frame.thread_id, frame.epoch);
        if (this.#resuming.delete(frame.id)) this.#listener.live(frame.thread_id);
        this.#maybeCaughtUp();
        break;
      case "drain":
        this.#listener.drain();
        break;
      case "pong":
        break;
      default:
        this.#onEvent(frame);
    }
  }

  /** @param {any} frame */
  #onConnected(frame) {
    const again = this.#wasOpen;
    this.#heartbeatMs = frame.heartbeat_ms;
    this.#isOpen = true;
    this.#wasOpen = true;
    this.#replayed = 0;
    this.#isCatchingUp = again;
    this.#watch();
    this.#cancelSteady = this.#env.after(STEADY_MS, () => (this.#tries = 0));
    this.#resuming.clear();
    this.#notify("open", "Connected");
    this.#resume(Object.keys(this.#positions.all()));
    this.#commands.connected(frame.limits?.bytes);
    this.#sendCommands();
    this.#maybeCaughtUp();
  }

  /** @param {any} frame */
  #onAccepted(frame) {
    if (frame.thread_id && frame.seq !== undefined && !this.#positions.follows(frame.thread_id)) {
      this.#positions.follow(frame.thread_id, frame.epoch ?? "", frame.seq - 1);
    }
    this.#commands.accepted(frame);
  }

  /** @param {any} frame */
  #onError(frame) {
    const threadId = this.#resuming.get(frame.id);
    if (threadId !== undefined) {
      if (frame.retryable) {
        this.#env.after(frame.retry_after_ms ?? AGAIN_MS, () => this.#resumeAgain(frame.id, threadId));
        return;
      }
      this.#resuming.delete(frame.id);
      this.#positions.forget(threadId);
      this.#listener.absent(threadId, frame);
      this.#maybeCaughtUp();
      return;
    }
    if (frame.id === undefined) this.#askedMs = frame.retry_after_ms ?? 0;
    this.#commands.failed(frame);
  }

  /** Resume again, unless a new connection has done so already. @param {string} id @param {string} threadId */
  #resumeAgain(id, threadId) {
    if (this.#resuming.delete(id) && this.#positions.follows(threadId)) this.#resume([threadId]);
  }

  /** @param {RunEvent} event */
  #onEvent(event) {
    if (!this.#positions.follows(event.thread_id)) {
      this.#listener.other(event);
      return;
    }
    const verdict = this.#positions.judge(event.thread_id, event.seq);
    if (verdict === "take") {
      if (this.#isCatchingUp) this.#replayed += 1;
      this.#listener.event(event);
    } else if (verdict === "gap" && !this.#isResuming(event.thread_id)) {
      this.#resume([event.thread_id]);
    }
  }

  #maybeCaughtUp() {
    if (!this.#isCatchingUp || this.#resuming.size > 0) return;
    this.#isCatchingUp = false;
    this.#listener.caughtUp(this.#replayed);
  }

  /** @param {number} code @param {string} reason */
  #onClose(code, reason) {
    this.#disconnect(code);
    const next = afterClose(code);
    const message = closeMessage(code, reason);
    if (next !== "reconnect") {
      const hint = next === "sign_in" ? AGAIN : "";
      this.#end(next === "sign_in" ? next : "stopped", message, { error: CLOSES[code]?.error ?? "closed", message, hint, retryable: false });
      return;
    }
    const ms = this.#askedMs + wait(this.#tries, this.#env.random);
    this.#askedMs = 0;
    this.#tries += 1;
    this.#notify("waiting", retrying(message, ms));
    this.#cancelTimer = this.#env.after(ms, () => this.start());
  }

  /** @param {LinkState["state"]} state @param {string} text @param {ErrorInfo} info For the commands that wait. */
  #end(state, text, info) {
    this.#over = info;
    this.#notify(state, text);
    this.#commands.end(info);
  }

  /** @param {number} code */
  #disconnect(code) {
    const socket = this.#socket;
    this.#socket = null;
    this.#isOpen = false;
    this.#cancelTimer();
    this.#cancelWatch();
    this.#cancelSteady();
    socket?.close();
    this.#commands.lost(code);
  }

  /** A server that is silent for two and a half heartbeats is gone, even if the socket looks open. */
  #watch() {
    this.#cancelWatch();
    this.#cancelWatch = this.#env.after(this.#heartbeatMs * 2.5, () => this.#onClose(1006, "silence"));
  }

  /** @param {LinkState["state"]} state @param {string} text */
  #notify(state, text) {
    this.#listener.state({ state, text });
  }
}
