/**
 * The client rule: decides whether an event is the next one, a repeat, or shows a gap.
 *
 * @typedef {import("./types.js").Position} Position
 * @typedef {"take" | "repeat" | "gap"} Verdict
 */

/** The position of this page in each thread that it follows. */
export class Positions {
  /** @type {Map<string, Position>} */
  #at = new Map();

  /**
   * Follow a thread from this position; the next event is `seq + 1`.
   * @param {string} threadId
   * @param {string} epoch
   * @param {number} seq
   */
  follow(threadId, epoch, seq) {
    this.#at.set(threadId, { epoch, seq });
  }

  /** @param {string} threadId */
  forget(threadId) {
    this.#at.delete(threadId);
  }

  /** @param {string} threadId */
  follows(threadId) {
    return this.#at.has(threadId);
  }

  /**
   * Judge an event of a followed thread; if it is the next one, move on to it.
   * @param {string} threadId
   * @param {number} seq
   * @returns {Verdict}
   */
  judge(threadId, seq) {
    const here = this.#at.get(threadId);
    if (here === undefined) throw new Error(`${threadId} is not followed`);
    if (seq === here.seq + 1) {
      this.#at.set(threadId, { epoch: here.epoch, seq });
      return "take";
    }
    return seq <= here.seq ? "repeat" : "gap";
  }

  /**
   * Store the epoch from `accepted` or `live`; a thread that is followed from its start does not know it yet.
   * @param {string} threadId
   * @param {string} epoch
   */
  learnEpoch(threadId, epoch) {
    const here = this.#at.get(threadId);
    if (here !== undefined) this.#at.set(threadId, { epoch, seq: here.seq });
  }

  /**
   * The followed threads for which a heartbeat announces events that have not arrived.
   * @param {Record<string, number>} tops
   * @returns {string[]}
   */
  behind(tops) {
    return Object.keys(tops).filter((id) => (this.#at.get(id)?.seq ?? Infinity) < tops[id]);
  }

  /** The positions for a `resume` frame. @returns {Record<string, Position>} */
  all() {
    return Object.fromEntries(this.#at);
  }
}
