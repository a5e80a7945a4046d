/**
 * A report's figures, arranged for its view.
 *
 * @typedef {import("./result_report.js").Report} Report
 * @typedef {{key: string, title: string}} Dimension
 */

/** @type {readonly Dimension[]} */
export const DIMENSIONS = Object.freeze([
  { key: "model", title: "By model" },
  { key: "team", title: "By team" },
  { key: "feature", title: "By feature" },
  { key: "user", title: "By user" },
  { key: "provider", title: "By provider" },
  { key: "status", title: "By status" },
  { key: "dataset", title: "By dataset" },
]);
export const NO_NAME = "(not set)";

/**
 * A row's name; for a dataset, the one its user gave it.
 * @param {Report} report @param {string} dimension @param {string | null} key
 */
export function nameOf(report, dimension, key) {
  if (dimension === "dataset") {
    const found = (report.summary?.datasets ?? []).find((/** @type {any} */ each) => each.dataset_id === key);
    return found?.name ?? key ?? NO_NAME;
  }
  return key === null || key === "" ? NO_NAME : key;
}

/**
 * Spend by day, with the expected spend and the days that are anomalies.
 * @param {Report} report
 * @returns {{day: string, usd: number, expected: number | null, anomaly: any | null, requests: number | null}[]}
 */
export function daysOf(report) {
  const { anomalies } = report;
  const daily = anomalies?.unit === "day" ? anomalies : null;
  const expected = new Map((daily?.series ?? []).map((/** @type {any} */ each) => [each.at, each.expected_usd]));
  const marked = new Map((daily?.anomalies ?? []).map((/** @type {any} */ each) => [each.at, each]));
  const days = report.summary?.breakdowns?.day ?? (daily?.series ?? []).map((/** @type {any} */ each) => ({ key: each.at, usd: each.usd }));
  return days.map((/** @type {any} */ each) => ({
    day: each.key,
    usd: Number(each.usd),
    expected: expected.has(each.key) && expected.get(each.key) !== null ? Number(expected.get(each.key)) : null,
    anomaly: marked.get(each.key) ?? null,
    requests: each.requests ?? null,
  }));
}

/** The levers by status. @param {any} savings */
export function leversOf(savings) {
  const levers = savings?.levers ?? [];
  const of = (/** @type {string} */ status) => levers.filter((/** @type {any} */ each) => each.status === status);
  return { found: of("ok"), notFound: of("none_found"), notAssessable: of("not_assessable") };
}

/** All breakdowns as one table, for an export. @param {Report} report @returns {{header: string[], rows: unknown[][]}} */
export function splitRows(report) {
  const header = ["split", "name", "usd", "percent", "requests", "input_tokens", "output_tokens", "failures", "unpriced_rows"];
  const splits = report.summary?.breakdowns ?? {};
  const rows = Object.keys(splits).flatMap((split) => splits[split].map((/** @type {any} */ row) => [
    split, nameOf(report, split, row.key), row.usd, row.percent, row.requests, row.input_tokens, row.output_tokens,
    row.failures, row.unpriced_rows,
  ]));
  return { header, rows };
}
