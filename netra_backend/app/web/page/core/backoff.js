/** The delay before the next connection attempt: exponential, bounded, with jitter so that clients do not return all at once. */

/** What people read while it lasts. @param {string} message Why. @param {number} ms How long. */
export function retrying(message, ms) {
  return `${message} Retrying in ${Math.max(1, Math.round(ms / 1000))} s.`;
}

export const FIRST_MS = 250;
export const LONGEST_MS = 15_000;

/**
 * @param {number} tries Failed attempts since the last open connection; 0 before the first wait.
 * @param {() => number} random From 0 up to 1.
 * @returns {number} From half to one and a half of the doubled wait, in ms.
 */
export function wait(tries, random) {
  return Math.round(Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 16)) * (0.5 + random()));
}
