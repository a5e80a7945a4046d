import assert from "node:assert/strict";
import { test } from "node:test";
import { axis } from "../../../../netra_backend/app/web/page/core/scale.js";

test("an axis has round figures and reaches the highest value", () => {
  assert.deepEqual(axis(5.25), { top: 6, ticks: [0, 2, 4, 6] });
  assert.deepEqual(axis(100).ticks, [0, 25, 50, 75, 100]);
  for (const highest of [1e-6, 0.3, 7, 99.9, 12345, 8e9]) {
    const { top, ticks } = axis(highest);
    assert.ok(top >= highest && ticks.length <= 5, `${highest}: ${ticks}`);
  }
});

test("nothing at all has an axis too", () => {
  for (const highest of [0, -1, NaN, Infinity]) assert.deepEqual(axis(highest), { top: 1, ticks: [0, 1] });
});
