import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_NAME, daysOf, leversOf, nameOf, splitRows } from "../../../../netra_backend/app/web/page/core/report_data.js";
import { isReport, reportOf } from "../../../../netra_backend/app/web/page/core/result_report.js";

const summary = {
  breakdowns: { day: [{ key: "2026-01-01", usd: "1.5", requests: 2 }, { key: "2026-01-02", usd: "9", requests: 3 }],
    team: [{ key: null, usd: "10.5", percent: 100, requests: 5, input_tokens: 7, output_tokens: 1, failures: 0, unpriced_rows: 0 }] },
  datasets: [{ dataset_id: "d1", name: "january.csv" }],
};
const anomalies = { unit: "day", series: [{ at: "2026-01-01", usd: "1.5", expected_usd: "1" }, { at: "2026-01-02", usd: "9", expected_usd: null }],
  anomalies: [{ at: "2026-01-02", direction: "jump" }] };

test("the whole report, a part of it and several parts are all read as a report", () => {
  assert.equal(reportOf({ report: { summary, notes: ["n"] } }).summary, summary);
  assert.equal(reportOf({ intent: "cost_anomaly", anomalies }).anomalies, anomalies);
  const both = reportOf({ parts: [{ summary }, { anomalies, notes: ["a"] }, { report: { notes: ["b"], summary: {} } }] });
  assert.deepEqual([both.summary, both.anomalies, both.notes], [summary, anomalies, ["a", "b"]]);
});

test("a result without figures is not a report", () => {
  for (const data of [null, undefined, {}, { intent: "agent_help" }, { code: "NO_DATA" }, { parts: [] }, { report: { summary: null } }]) {
    assert.equal(isReport(data), false);
  }
  assert.equal(isReport({ summary }), true);
});

test("days carry the expected spend and the anomalies", () => {
  const days = daysOf({ summary, anomalies });
  assert.deepEqual(days.map((each) => [each.usd, each.expected, each.anomaly?.direction ?? null]), [[1.5, 1, null], [9, null, "jump"]]);
  assert.deepEqual(daysOf({ anomalies }).map((each) => each.day), ["2026-01-01", "2026-01-02"]);
  assert.deepEqual(daysOf({}), []);
});

test("hourly anomalies mark no days", () => {
  assert.ok(daysOf({ summary, anomalies: { ...anomalies, unit: "hour" } }).every((each) => each.anomaly === null));
});

test("a dataset is shown by its name, and a missing name says so", () => {
  assert.equal(nameOf({ summary }, "dataset", "d1"), "january.csv");
  assert.equal(nameOf({ summary }, "dataset", "d2"), "d2");
  assert.equal(nameOf({ summary }, "team", null), NO_NAME);
});

test("levers are grouped by status", () => {
  const levers = [{ status: "ok" }, { status: "none_found" }, { status: "not_assessable" }, { status: "ok" }];
  const { found, notFound, notAssessable } = leversOf({ levers });
  assert.deepEqual([found.length, notFound.length, notAssessable.length], [2, 1, 1]);
  assert.deepEqual(leversOf(null).found, []);
});

test("all breakdowns are in one table", () => {
  const { header, rows } = splitRows({ summary });
  assert.deepEqual(header.slice(0, 3), ["split", "name", "usd"]);
  assert.deepEqual(rows.map((row) => row.slice(0, 3)), [["day", "2026-01-01", "1.5"], ["day", "2026-01-02", "9"], ["team", NO_NAME, "10.5"]]);
});
