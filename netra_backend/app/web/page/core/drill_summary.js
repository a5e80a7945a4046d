/** The isolation drill's rows, parsed from the error message that reports them. */

const HEAD = /^SSOT isolation drill: \d+ of \d+ endpoints refused\. /;
const ROW = /(.+?): (refused|LEAKED) \((.*?)\)(?:; (?=[^;]+?: (?:refused|LEAKED) \()|$)/gs;

/**
 * @param {string} summary
 * @returns {{endpoint: string, verdict: string, answer: string}[]} Empty if this is not a drill's summary.
 */
export function drillRows(summary) {
  if (!HEAD.test(summary)) return [];
  return [...summary.replace(HEAD, "").matchAll(ROW)].map(([, endpoint, verdict, answer]) => ({ endpoint, verdict, answer }));
}
