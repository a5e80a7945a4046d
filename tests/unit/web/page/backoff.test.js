import assert from "node:assert/strict";
import { test } from "node:test";
import { FIRST_MS, LONGEST_MS, wait } from "../../../../netra_backend/app/web/page/core/backoff.js";

test("waits double until they are as long as they get", () => {
  const waits = [0, 1, 2, 3, 20, 5000].map((tries) => wait(tries, () => 0.5));
  assert.deepEqual(waits, [FIRST_MS, FIRST_MS * 2, FIRST_MS * 4, FIRST_MS * 8, LONGEST_MS, LONGEST_MS]);
});

test("chance spreads a wait from its half to one and a half of it", () => {
  assert.equal(wait(0, () => 0), FIRST_MS / 2);
  assert.ok(wait(0, () => 0.999999) <= FIRST_MS * 1.5);
});
