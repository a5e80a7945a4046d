/**
 * The connection of this page: one WebSocket, kept up. It resumes where it stood, so that every event of a followed thread is
 * handed over once and in order; what was commanded is sent again after a loss, under the same key, so that it happens once.
 *
 * Nothing here touches the browser: sockets, time and chance are given.
 *
 * @typedef {import("./types.js").RunEvent} RunEvent
 * @typedef {import("./types.js").Told} Told
 *
 * @typedef {object} Socket
 * @property {(text: string) => void} send
 * @property {(code?: number) => void} close
 *
 * @typedef {object} Ears What a socket tells.
 * @property {(text: string) => void} heard
 * @property {(code: number, reason: string) => void} closed
 *
 * @typedef {object} World
 * @property {(ears: Ears) => Socket} open
 * @property {(ms: number, act: () => void) => () => void} after Acts once, unless what it returns was called before.
 * @property {() => number} random
 * @property {() => string} key A key that was never used before.
 *
 * @typedef {{state: "connecting" | "open" | "waiting" | "offline" | "sign_in" | "stopped", text: string}} LinkState
 *
 * @typedef {object} Listener
 * @property {(state: LinkState) => void} state
 * @property {(event: RunEvent) => void} event Of a followed thread: once, in order.
 * @property {(event: RunEvent) => void} other Of a thread that is not followed: a hint that there is news.
 * @property {(threadId: string) => void} reset Its history is another one now; it comes anew.
 * @property {(threadId: string) => void} live All of it was handed over up to now.
 * @property {(threadId: string, told: Told) => void} absent
 * @property {(replayed: number) => void} caughtUp After a loss: nothing was missed.
 * @property {() => void} drain The server goes away, and another comes.
 */
import { wait } from "./backoff.js";
import { afterClose, closeTold } from "./closes.js";
import { Positions } from "./positions.js";

export const MOST_COMMANDS = 50;
const RESUME_PREFIX = "resume-";
const AGAIN_MS = 1000;

/** A command was refused; `told` says why and what to do. */
export class Refused extends Error {
  /** @param {Told} told */
  constructor(told) {
    super(told.message);
    this.told = told;
  }
}

export class Link {
  #positions = new Positions();
  /** @type {Map<string, {frame: object, resolve: (frame: any) => void, reject: (error: Refused) => void}>} */
  #commands = new Map();
  /** @type {Map<string, string>} Keys of resumes that are under way, with their thread. */
  #resuming = new Map();
  /** @type {Socket | null} */
  #socket = null;
  #isOpen = false;
  #wasOpen = false;
  #tries = 0;
  #replayed = 0;
  #isCatchingUp = false;
  #heartbeatMs = 20_000;
  #cancelTimer = () => {};
  #cancelWatch = () => {};
  #world;
  #listener;

  /** @param {World} world @param {Listener} listener */
  constructor(world, listener) {
    this.#world = world;
    this.#listener = listener;
  }

  /** Connect, or connect at once where it waits to. */
  start() {
    if (this.#socket !== null) return;
    this.#cancelTimer();
    this.#tell(this.#wasOpen ? "waiting" : "connecting", this.#wasOpen ? "Reconnecting…" : "Connecting…");
    const ears = {
      /** @param {string} text */
      heard: (text) => {
        if (this.#socket === socket) this.#heard(JSON.parse(text));
      },
      /** @param {number} code @param {string} reason */
      closed: (code, reason) => {
        if (this.#socket === socket) this.#closed(code, reason);
      },
    };
    const socket = this.#world.open(ears);
    this.#socket = socket;
    this.#watch();
  }

  /** There is no network: let go, and wait for `start`. */
  offline() {
    this.#letGo();
    this.#tell("offline", "No network. What you wrote stays; this page comes back by itself.");
  }

  /** Let go for good. */
  stop() {
    this.#letGo();
    this.#tell("stopped", "");
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
   * Command something; the server's `accepted`, once it is stored. Rejects with `Refused`.
   * @param {Record<string, unknown>} frame
   * @returns {Promise<any>}
   */
  command(frame) {
    if (this.#commands.size >= MOST_COMMANDS) {
      return Promise.reject(new Refused({
        error: "busy", message: "Too much waits for the connection.", hint: "Wait until it is back.", retryable: true,
      }));
    }
    const id = this.#world.key();
    const keyed = { ...frame, id };
    return new Promise((resolve, reject) => {
      this.#commands.set(id, { frame: keyed, resolve, reject });
      this.#send(keyed);
    });
  }

  /** @param {object} frame */
  #send(frame) {
    if (this.#isOpen) this.#socket?.send(JSON.stringify(frame));
  }

  /** @param {string[]} threadIds */
  #resume(threadIds) {
    if (!this.#isOpen) return;
    const all = this.#positions.all();
    for (const threadId of threadIds) {
      const id = RESUME_PREFIX + this.#world.key();
      this.#resuming.set(id, threadId);
      this.#send({ type: "resume", id, positions: { [threadId]: all[threadId] } });
    }
  }

  /** @param {any} frame */
  #heard(frame) {
    this.#watch();
    switch (frame.type) {
      case "connected":
        this.#connected(frame);
        break;
      case "accepted":
        this.#accepted(frame);
        break;
      case "error":
        this.#refused(frame);
        break;
      case "heartbeat":
        this.#resume(this.#positions.behind(frame.tops).filter((id) => ![...this.#resuming.values()].includes(id)));
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
        this.#event(frame);
    }
  }

  /** @param {any} frame */
  #connected(frame) {
    const again = this.#wasOpen;
    this.#heartbeatMs = frame.heartbeat_ms;
    this.#isOpen = true;
    this.#wasOpen = true;
    this.#tries = 0;
    this.#replayed = 0;
    this.#isCatchingUp = again;
    this.#watch();
    this.#resuming.clear();
    this.#tell("open", "Connected");
    this.#resume(Object.keys(this.#positions.all()));
    for (const command of this.#commands.values()) this.#send(command.frame);
    this.#maybeCaughtUp();
  }

  /** @param {any} frame */
  #accepted(frame) {
    const command = this.#commands.get(frame.id);
    this.#commands.delete(frame.id);
    if (frame.thread_id && frame.seq !== undefined && !this.#positions.follows(frame.thread_id)) {
      this.#positions.follow(frame.thread_id, frame.epoch ?? "", frame.seq - 1);
    }
    command?.resolve(frame);
  }

  /** @param {any} frame */
  #refused(frame) {
    const threadId = this.#resuming.get(frame.id);
    if (threadId !== undefined) {
      if (frame.retryable) {
        this.#world.after(frame.retry_after_ms ?? AGAIN_MS, () => this.#resumeAgain(frame.id, threadId));
        return;
      }
      this.#resuming.delete(frame.id);
      this.#positions.forget(threadId);
      this.#listener.absent(threadId, frame);
      this.#maybeCaughtUp();
      return;
    }
    const command = this.#commands.get(frame.id);
    this.#commands.delete(frame.id);
    command?.reject(new Refused(frame));
  }

  /** What the server could not read; over another connection it was asked anew. @param {string} id @param {string} threadId */
  #resumeAgain(id, threadId) {
    if (this.#resuming.delete(id) && this.#positions.follows(threadId)) this.#resume([threadId]);
  }

  /** @param {RunEvent} event */
  #event(event) {
    if (!this.#positions.follows(event.thread_id)) {
      this.#listener.other(event);
      return;
    }
    const verdict = this.#positions.judge(event.thread_id, event.seq);
    if (verdict === "take") {
      if (this.#isCatchingUp) this.#replayed += 1;
      this.#listener.event(event);
    } else if (verdict === "hole" && ![...this.#resuming.values()].includes(event.thread_id)) {
      this.#resume([event.thread_id]);
    }
  }

  #maybeCaughtUp() {
    if (!this.#isCatchingUp || this.#resuming.size > 0) return;
    this.#isCatchingUp = false;
    this.#listener.caughtUp(this.#replayed);
  }

  /** @param {number} code @param {string} reason */
  #closed(code, reason) {
    this.#letGo();
    const next = afterClose(code);
    if (next !== "reconnect") {
      this.#tell(next === "sign_in" ? "sign_in" : "stopped", closeTold(code, reason));
      return;
    }
    const ms = wait(this.#tries, this.#world.random);
    this.#tries += 1;
    this.#tell("waiting", `Connection lost. Next try in ${Math.max(1, Math.round(ms / 1000))} s.`);
    this.#cancelTimer = this.#world.after(ms, () => this.start());
  }

  #letGo() {
    const socket = this.#socket;
    this.#socket = null;
    this.#isOpen = false;
    this.#cancelTimer();
    this.#cancelWatch();
    socket?.close();
  }

  /** A server that says nothing over two heartbeats and a half is gone, whatever the socket believes. */
  #watch() {
    this.#cancelWatch();
    this.#cancelWatch = this.#world.after(this.#heartbeatMs * 2.5, () => this.#closed(1006, "silence"));
  }

  /** @param {LinkState["state"]} state @param {string} text */
  #tell(state, text) {
    this.#listener.state({ state, text });
  }
}
