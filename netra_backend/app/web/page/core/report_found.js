/**
 * Whether a result holds a report, and which: the answers of the cost optimizer's tools, whole or in part.
 *
 * @typedef {{summary?: any, savings?: any, anomalies?: any, forecast?: any, notes?: string[]}} Report
 */

const PARTS = ["summary", "savings", "anomalies", "forecast"];

/**
 * The report of a result's data: of the whole report, or put together of the parts that were asked for.
 * @param {any} data
 * @returns {Report}
 */
export function reportOf(data) {
  /** @type {Report} */
  const report = {};
  for (const part of Array.isArray(data?.parts) ? data.parts : [data]) {
    const source = part?.report ?? part ?? {};
    for (const name of PARTS) {
      if (source[name] && !(name in report)) Object.assign(report, { [name]: source[name] });
    }
    if (Array.isArray(source.notes)) report.notes = [...(report.notes ?? []), ...source.notes];
  }
  return report;
}

/** @param {any} data */
export function isReport(data) {
  return PARTS.some((name) => name in reportOf(data));
}
