/**
 * From the bill now, step by step, to what remains: where each bar of the picture begins and ends.
 *
 * @typedef {{name: string, usd: number}} Step
 * @typedef {{name: string, kind: "total" | "saving", usd: number, from: number, to: number}} Bar
 */

/**
 * Each saving hangs from where the one before it ended; `from` and `to` are shares of the bill, 0 to 1. What is saved never
 * goes below nothing, whatever the figures say.
 * @param {number} bill
 * @param {readonly Step[]} savings
 * @returns {Bar[]}
 */
export function waterfall(bill, savings) {
  const whole = bill > 0 ? bill : 1;
  let left = Math.max(bill, 0);
  /** @type {Bar[]} */
  const bars = [{ name: "Bill now", kind: "total", usd: bill, from: 0, to: left / whole }];
  for (const step of savings) {
    const after = Math.min(Math.max(left - step.usd, 0), whole);
    bars.push({ name: step.name, kind: "saving", usd: step.usd, from: after / whole, to: left / whole });
    left = after;
  }
  return [...bars, { name: "Remains", kind: "total", usd: left, from: 0, to: left / whole }];
}
