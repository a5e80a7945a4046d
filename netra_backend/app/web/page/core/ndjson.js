/** Parses lines of JSON that arrive in pieces. */

export class Lines {
  #rest = "";

  /**
   * The values of the lines completed by this piece.
   * @param {string} piece
   * @returns {any[]}
   */
  take(piece) {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.filter((line) => line.trim() !== "").map((line) => JSON.parse(line));
  }
}
