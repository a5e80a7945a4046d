import assert from "node:assert/strict";
import { test } from "node:test";
import { drillRows } from "../../../../netra_backend/app/web/page/core/drill_told.js";

test("each endpoint of a drill is a row with its verdict and its answer", () => {
  const told = "SSOT isolation drill: 1 of 3 endpoints refused. another's thread: refused (isolation_violation); "
    + "a dataset: LEAKED (200, {…}; for an absent one: 404); another's run: refused (not_found)";
  assert.deepEqual(drillRows(told), [
    { endpoint: "another's thread", verdict: "refused", answer: "isolation_violation" },
    { endpoint: "a dataset", verdict: "LEAKED", answer: "200, {…}; for an absent one: 404" },
    { endpoint: "another's run", verdict: "refused", answer: "not_found" },
  ]);
});

test("another refusal is no drill", () => {
  assert.deepEqual(drillRows("SSOT isolation drills are not allowed on this server."), []);
});
