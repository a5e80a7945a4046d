/**
 * The client rule: which event of a thread is taken, which is a repeat, and which shows a hole.
 *
 * @typedef {import("./types.js").Position} Position
 * @typedef {"take" | "repeat" | "hole"} Verdict
 */

/** Where this page stands in each thread that it follows. */
export class Positions {
  /** @type {Map<string, Position>} */
  #at = new Map();

  /**
   * Stand at this position; what comes next is `seq + 1`.
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
   * Judge an event of a followed thread, and move on where it is to be taken.
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
    return seq <= here.seq ? "repeat" : "hole";
  }

  /**
   * The epoch that `accepted` and `live` tell; a thread that was followed from its start did not know it.
   * @param {string} threadId
   * @param {string} epoch
   */
  learnEpoch(threadId, epoch) {
    const here = this.#at.get(threadId);
    if (here !== undefined) this.#at.set(threadId, { epoch, seq: here.seq });
  }

  /**
   * The followed threads of which a heartbeat tells events that did not come.
   * @param {Record<string, number>} tops
   * @returns {string[]}
   */
  behind(tops) {
    return Object.keys(tops).filter((id) => (this.#at.get(id)?.seq ?? Infinity) < tops[id]);
  }

  /** What a `resume` frame names. @returns {Record<string, Position>} */
  all() {
    return Object.fromEntries(this.#at);
  }
}
