import assert from "node:assert/strict";
import { test } from "node:test";
import { waterfall } from "../../../../netra_backend/app/web/page/core/waterfall.js";

test("each saving hangs from where the one before it ended, down to what remains", () => {
  const bars = waterfall(100, [{ name: "a", usd: 25 }, { name: "b", usd: 50 }]);
  assert.deepEqual(bars.map(({ from, to }) => [from, to]), [[0, 1], [0.75, 1], [0.25, 0.75], [0, 0.25]]);
  assert.equal(bars.at(-1)?.usd, 25);
});

test("savings beyond the bill end at nothing, and an empty bill has no bars to divide", () => {
  assert.equal(waterfall(10, [{ name: "a", usd: 50 }]).at(-1)?.to, 0);
  assert.deepEqual(waterfall(0, []).map(({ to }) => to), [0, 0]);
});

test("what would cost more than before never leaves the picture", () => {
  assert.ok(waterfall(10, [{ name: "a", usd: -5 }]).every(({ from, to }) => from >= 0 && to <= 1));
});
