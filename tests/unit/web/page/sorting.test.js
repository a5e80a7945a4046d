import assert from "node:assert/strict";
import { test } from "node:test";
import { sorted } from "../../../../netra_backend/app/web/page/core/sorting.js";

const rows = [["b", "10"], ["a", "9"], ["c", null], ["a10", "-1.5"]];
const column = (/** @type {any[][]} */ found, /** @type {number} */ index) => found.map((row) => row[index]);

test("numbers sort by value, also where they come as text, and what is absent comes last both ways", () => {
  assert.deepEqual(column(sorted(rows, 1, true), 1), ["10", "9", "-1.5", null]);
  assert.deepEqual(column(sorted(rows, 1, false), 1), ["-1.5", "9", "10", null]);
});

test("words sort by letters, and without a column nothing moves", () => {
  assert.deepEqual(column(sorted(rows, 0, false), 0), ["a", "a10", "b", "c"]);
  assert.deepEqual(sorted(rows, -1, true), rows);
});
