import assert from "node:assert/strict";
import { test } from "node:test";
import { PREVIEW_BYTES, importOptions, missingOf, previewBytes } from "../../../../netra_backend/app/web/page/core/import_options.js";

test("a mapping is sent only if the user changed what was recognised", () => {
  const recognised = { ts: "when", model: "llm" };
  assert.equal(String(importOptions("a b.csv", { mapping: { ts: "when", model: "llm", team: "" } }, recognised, false)), "name=a+b.csv");
  const changed = importOptions("a", { mapping: { ts: "when", model: "other" } }, recognised, false);
  assert.deepEqual(changed.getAll("map"), ["ts=when", "model=other"]);
  assert.deepEqual(importOptions("a", { mapping: { ts: "when", model: "" } }, recognised, false).getAll("map"), ["ts=when"]);
});

test("blank fields are not sent", () => {
  assert.equal(String(importOptions("a", { format: "", model: " gpt-4o ", start: "" }, {}, true)), "name=a&model=gpt-4o&preview=1");
});

test("a preview needs the first lines of a text file and any other file completely", () => {
  assert.equal(previewBytes("a.JSONL", PREVIEW_BYTES * 9), PREVIEW_BYTES);
  assert.equal(previewBytes("a.csv", 10), 10);
  for (const name of ["a.json", "a.parquet", "a.csv.gz"]) assert.equal(previewBytes(name, PREVIEW_BYTES * 9), PREVIEW_BYTES * 9);
});

test("a missing value is asked for only if the user can fill it in", () => {
  assert.equal(missingOf({ details: { missing: "model" } }), "model");
  assert.equal(missingOf({ details: { missing: "patience" } }), null);
  assert.equal(missingOf(null), null);
});
