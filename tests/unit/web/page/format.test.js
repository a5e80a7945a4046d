import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bytes, counted, cut, day, duration, integer, moment, money, percent, unitPrice, words,
} from "../../../../netra_backend/app/web/page/core/format.js";

test("money is shown in cents, and what is less than one in three digits", () => {
  assert.equal(money("1234567.891"), "$1,234,567.89");
  assert.equal(money("0"), "$0.00");
  assert.equal(money("0.000123456"), "$0.000123");
  assert.equal(money("-2.5"), "-$2.50");
  assert.equal(money(null), "–");
  assert.equal(money("unpriced"), "unpriced");
  assert.deepEqual([unitPrice("0.014110469765"), unitPrice(null)], ["$0.0141", "–"]);
});

test("durations grow from milliseconds to minutes", () => {
  assert.deepEqual([0, 999, 1000, 9999, 10_000, 59_999, 61_000].map(duration),
    ["0 ms", "999 ms", "1.00 s", "10.00 s", "10.0 s", "60.0 s", "1 min 1 s"]);
  assert.equal(duration(-5), "0 ms");
});

test("sizes, counts, shares, days and names read as people write them", () => {
  assert.deepEqual([bytes(512), bytes(1536), bytes(5 * 1024 ** 3)], ["512 B", "1.5 KiB", "5.0 GiB"]);
  assert.deepEqual([counted(1, "row"), counted(2000, "row")], ["1 row", "2,000 rows"]);
  assert.deepEqual([integer(1234567), integer(null)], ["1,234,567", "–"]);
  assert.deepEqual([percent(12.345), percent(undefined)], ["12.3 %", "–"]);
  assert.deepEqual([day("2026-10-01T02:01:05Z"), day(null)], ["2026-10-01", "–"]);
  assert.equal(words("cost_summary"), "cost summary");
  assert.deepEqual([cut("abcdef", 4), cut("abc", 4)], ["abc…", "abc"]);
});

test("a moment is a time on its own day and a date on any other", () => {
  const noon = new Date(2026, 4, 6, 12, 30).getTime();
  assert.equal(moment(noon, noon + 1000), "12:30");
  assert.equal(moment(noon, noon + 2 * 86_400_000), "6 May");
});
