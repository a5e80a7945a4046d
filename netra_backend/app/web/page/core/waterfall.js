/**
 * From the current bill, step by step, to what remains: where each bar of the chart begins and ends.
 *
 * @typedef {{name: string, usd: number}} Step
 * @typedef {{name: string, kind: "total" | "saving", usd: number, from: number, to: number}} Bar
 */

/**
 * Each saving starts where the one before it ended; `from` and `to` are shares of the bill, 0 to 1. The rest never falls below
 * zero, whatever the figures are.
 * @param {number} bill
 * @param {readonly Step[]} savings
 * @returns {Bar[]}
 */
export function waterfall(bill, savings) {
  const whole = bill > 0 ? bill : 1;
  let left = Math.max(bill, 0);
  /** @type {Bar[]} */
  const bars = [{ name: "Current bill", kind: "total", usd: bill, from: 0, to: left / whole }];
  for (const step of savings) {
    const after = Math.min(Math.max(left - step.usd, 0), whole);
    bars.push({ name: step.name, kind: "saving", usd: step.usd, from: after / whole, to: left / whole });
    left = after;
  }
  return [...bars, { name: "Remaining", kind: "total", usd: left, from: 0, to: left / whole }];
}
