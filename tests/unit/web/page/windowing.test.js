import assert from "node:assert/strict";
import { test } from "node:test";
import { Heights } from "../../../../netra_backend/app/web/page/core/windowing.js";

test("of five thousand rows only those in sight and the spare ones are shown, and the heights add up", () => {
  const heights = new Heights(50);
  heights.resize(5000);
  const { first, after, before, behind } = heights.visible(100_000, 500, 100);
  assert.ok(first >= 1997 && after <= 2013, `${first}..${after}`);
  assert.equal(before + (after - first) * 50 + behind, heights.total);
  assert.equal(before, heights.offset(first));
});

test("measured heights count, the others count as the average", () => {
  const heights = new Heights(50);
  heights.resize(3);
  assert.equal(heights.measured(0, 100), true);
  assert.equal(heights.measured(0, 100), false);
  assert.equal(heights.total, 300);
  heights.measured(1, 20);
  assert.equal(heights.offset(2), 120);
  assert.equal(heights.total, 180);
});

test("rows that are gone are forgotten", () => {
  const heights = new Heights(50);
  heights.resize(2);
  heights.measured(1, 150);
  heights.resize(1);
  assert.equal(heights.total, 50);
  heights.resize(0);
  assert.deepEqual(heights.visible(0, 500, 0), { first: 0, after: 0, before: 0, behind: 0 });
});

test("a place beyond the end shows the last row", () => {
  const heights = new Heights(10);
  heights.resize(5);
  assert.equal(heights.visible(9999, 100, 0).after, 5);
});
