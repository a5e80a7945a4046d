/** Lines of JSON that come in pieces. */

export class Lines {
  #rest = "";

  /**
   * The values of the lines that this piece completes.
   * @param {string} piece
   * @returns {any[]}
   */
  take(piece) {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.filter((line) => line.trim() !== "").map((line) => JSON.parse(line));
  }
}
