import assert from "node:assert/strict";
import { test } from "node:test";
import { drillRows } from "../../../../netra_backend/app/web/page/core/drill_summary.js";

test("each attempt of a drill is a row with its verdict and its response", () => {
  const summary = "SSOT isolation drill: 1 of 3 endpoints refused. another's thread: refused (isolation_violation); "
    + "a dataset: LEAKED (200, {…}; for an absent one: 404); another's run: refused (not_found)";
  assert.deepEqual(drillRows(summary), [
    { endpoint: "another's thread", verdict: "refused", answer: "isolation_violation" },
    { endpoint: "a dataset", verdict: "LEAKED", answer: "200, {…}; for an absent one: 404" },
    { endpoint: "another's run", verdict: "refused", answer: "not_found" },
  ]);
});

test("another refusal is not a drill", () => {
  assert.deepEqual(drillRows("SSOT isolation drills are not allowed on this server."), []);
});
