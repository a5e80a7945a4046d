/**
 * The commands that wait for an answer: which are sent again over a new connection, and which never. What is final is in
 * `error_table.js`.
 *
 * @import { ErrorInfo } from "./types.js"
 * @typedef {{text: string, bytes: number, sends: number, isSent: boolean, resolve: (frame: any) => void,
 *   reject: (error: CommandRejected) => void}} Command `isSent`: over the connection that stands now.
 */
import { MESSAGE_FAULTS, MOST_SENDS, TOO_BIG } from "./error_table.js";
import { jsonText, utf8Length } from "./json_text.js";

export const MOST_COMMANDS = 50;

/** The server, or this page, rejected a command; `info` says why and what to do. */
export class CommandRejected extends Error {
  /** @param {ErrorInfo} info */
  constructor(info) {
    super(info.message);
    this.info = info;
  }
}

export class Commands {
  /** @type {Map<string, Command>} */
  #commands = new Map();
  /** Keys of those that may be the ones whose `id` the server could not read. */
  #suspects = new Set();
  /** @type {ErrorInfo[]} */
  #faults = [];
  #limit = Infinity;

  /**
   * Resolves with the server's `accepted`. Rejects with `CommandRejected`.
   * @param {string} id @param {object} frame
   * @returns {Promise<any>}
   */
  add(id, frame) {
    return new Promise((resolve, reject) => {
      if (this.#commands.size >= MOST_COMMANDS) {
        reject(new CommandRejected({
          error: "busy", message: "Too many requests wait for the connection.", hint: "Wait until it is restored.", retryable: true,
        }));
        return;
      }
      const text = jsonText(frame);
      const bytes = utf8Length(text);
      this.#commands.set(id, { text, bytes, sends: 0, isSent: false, resolve, reject });
      this.#rejectTooLong(id, bytes);
    });
  }

  /** A new connection stands, whose server takes this many bytes. @param {number | undefined} limit */
  connected(limit) {
    this.#limit = limit ?? Infinity;
    for (const [id, { bytes }] of this.#commands) this.#rejectTooLong(id, bytes);
  }

  /** The texts that this connection has not sent; they are sent now. */
  unsent() {
    const unsent = [...this.#commands.values()].filter((each) => !each.isSent);
    for (const each of unsent) {
      each.isSent = true;
      each.sends += 1;
    }
    return unsent.map((each) => each.text);
  }

  /** @param {any} frame */
  accepted(frame) {
    const command = this.#take(frame.id);
    command?.resolve(frame);
    this.#judge();
  }

  /**
   * An error that names a command, or one of a message whose `id` could not be read: that is one of those that were sent. A single
   * one is rejected; of several, the others are still answered, and the one that stays is it.
   * @param {any} frame
   */
  failed(frame) {
    if (frame.id !== undefined) {
      this.#reject(frame.id, frame);
    } else if (frame.error in MESSAGE_FAULTS) {
      const sent = [...this.#commands].filter(([, each]) => each.isSent);
      if (sent.length === 0) return;
      for (const [id] of sent) this.#suspects.add(id);
      this.#faults.push(frame);
    }
    this.#judge();
  }

  /** The connection ended. What it ended for is rejected, and what was sent too often; the rest is sent again. @param {number} code */
  lost(code) {
    const fault = this.#faults.at(-1);
    for (const id of this.#suspects) if (fault !== undefined) this.#reject(id, fault);
    const sent = [...this.#commands].filter(([, each]) => each.isSent);
    if (code === TOO_BIG && sent.length > 0) {
      const [longest] = sent.sort(([, a], [, b]) => b.bytes - a.bytes)[0];
      this.#reject(longest, tooLong(MESSAGE_FAULTS.payload_too_large.text));
    }
    for (const [id, each] of sent) {
      each.isSent = false;
      if (each.sends >= MOST_SENDS) {
        this.#reject(id, {
          error: "unreachable", message: `The connection was lost ${MOST_SENDS} times before this was answered.`,
          hint: "Try again later, or send less at once.", retryable: true,
        });
      }
    }
    this.#judge();
  }

  /** No connection comes any more. @param {ErrorInfo} info */
  end(info) {
    for (const id of [...this.#commands.keys()]) this.#reject(id, info);
    this.#judge();
  }

  #judge() {
    if (this.#suspects.size > this.#faults.length) return;
    for (const id of [...this.#suspects]) {
      const fault = this.#faults.shift();
      if (fault !== undefined) this.#reject(/** @type {string} */ (id), fault);
    }
    this.#faults = [];
  }

  /** @param {string} id @param {number} bytes */
  #rejectTooLong(id, bytes) {
    if (bytes <= this.#limit) return;
    const figures = [bytes, this.#limit].map((each) => each.toLocaleString("en-US"));
    this.#reject(id, tooLong(`This is too long: ${figures[0]} bytes, where the limit is ${figures[1]} bytes.`));
  }

  /** @param {string} id @param {ErrorInfo} info */
  #reject(id, info) {
    this.#take(id)?.reject(new CommandRejected(info));
  }

  /** @param {string} id */
  #take(id) {
    const command = this.#commands.get(id);
    this.#commands.delete(id);
    this.#suspects.delete(id);
    return command;
  }
}

/** @param {string} message @returns {ErrorInfo} */
function tooLong(message) {
  return { error: "payload_too_large", message, hint: MESSAGE_FAULTS.payload_too_large.hint, retryable: false };
}
