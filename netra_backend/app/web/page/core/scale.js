/** A vertical axis with round ticks, from zero to just above the highest value. */

/**
 * @param {number} highest
 * @param {number} [steps]
 * @returns {{top: number, ticks: number[]}} `ticks` from 0 to `top`, at most `steps + 1` of them.
 */
export function axis(highest, steps = 4) {
  if (!(highest > 0) || !Number.isFinite(highest)) return { top: 1, ticks: [0, 1] };
  const rough = highest / steps;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((each) => each * magnitude >= rough) ?? 10) * magnitude;
  const count = Math.ceil(highest / step - 1e-9);
  return { top: step * count, ticks: Array.from({ length: count + 1 }, (_, index) => index * step) };
}
