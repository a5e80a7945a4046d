/**
 * The cost report in a run's result: the results of the cost optimizer's tools, all of them or some.
 *
 * @typedef {{summary?: any, savings?: any, anomalies?: any, forecast?: any, notes?: string[]}} Report
 */

const PARTS = ["summary", "savings", "anomalies", "forecast"];

/**
 * The report in a result's data: the whole report, or one assembled from the parts that were asked for.
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
