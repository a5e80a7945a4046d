/** The isolation drill's rows, parsed from the error message that reports them. */

const HEAD = /^SSOT isolation drill: \d+ of \d+ doors refused\. /;
const ROW = /(.+?): (refused|LEAKED) \((.*?)\)(?:; (?=[^;]+?: (?:refused|LEAKED) \()|$)/gs;

/**
 * @param {string} summary
 * @returns {{door: string, verdict: string, answer: string}[]} Empty if this is not a drill's summary.
 */
export function drillRows(summary) {
  if (!HEAD.test(summary)) return [];
  return [...summary.replace(HEAD, "").matchAll(ROW)].map(([, door, verdict, answer]) => ({ door, verdict, answer }));
}
