/**
 * Decides which rows of a long list are rendered. A row's height is known once it was rendered; until then the average counts.
 */

export class Heights {
  /** @type {number[]} */
  #known = [];
  #sum = 0;
  #count = 0;
  #rows = 0;
  #estimate;

  /** @param {number} estimate A row's height before any was measured. */
  constructor(estimate) {
    this.#estimate = estimate;
  }

  /** @param {number} rows */
  resize(rows) {
    for (let index = rows; index < this.#rows; index += 1) this.#forget(index);
    this.#known.length = Math.min(this.#known.length, rows);
    this.#rows = rows;
  }

  /**
   * @param {number} index
   * @param {number} height
   * @returns {boolean} Whether the height changed.
   */
  measured(index, height) {
    if (this.#known[index] === height) return false;
    this.#forget(index);
    this.#known[index] = height;
    this.#sum += height;
    this.#count += 1;
    return true;
  }

  get average() {
    return this.#count === 0 ? this.#estimate : this.#sum / this.#count;
  }

  get total() {
    return this.#sum + (this.#rows - this.#count) * this.average;
  }

  /**
   * A row's distance from the top.
   * @param {number} index
   */
  offset(index) {
    const average = this.average;
    let top = 0;
    for (let each = 0; each < index; each += 1) top += this.#known[each] ?? average;
    return top;
  }

  /**
   * The rows to render: the visible ones and `spare` pixels above and below.
   * @param {number} top How far the list is scrolled.
   * @param {number} height Of the visible part.
   * @param {number} spare
   * @returns {{first: number, after: number, before: number, behind: number}} Rows from `first` up to but not `after`, and
   *   the heights of what is left out before and behind them.
   */
  visible(top, height, spare) {
    const average = this.average;
    let first = 0;
    let before = 0;
    while (first < this.#rows - 1 && before + (this.#known[first] ?? average) < top - spare) {
      before += this.#known[first] ?? average;
      first += 1;
    }
    let after = first;
    let end = before;
    while (after < this.#rows && end < top + height + spare) {
      end += this.#known[after] ?? average;
      after += 1;
    }
    return { first, after, before, behind: Math.max(0, this.total - end) };
  }

  /** @param {number} index */
  #forget(index) {
    const height = this.#known[index];
    if (height === undefined) return;
    this.#sum -= height;
    this.#count -= 1;
    delete this.#known[index];
  }
}
