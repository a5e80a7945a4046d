import assert from "node:assert/strict";
import { test } from "node:test";
import { Lines } from "../../../../netra_backend/app/web/page/core/ndjson.js";

test("a line that comes in pieces is one value, once it is whole", () => {
  const lines = new Lines();
  assert.deepEqual(lines.take('{"done":1}\n{"do'), [{ done: 1 }]);
  assert.deepEqual(lines.take('ne":2}'), []);
  assert.deepEqual(lines.take("\n\n"), [{ done: 2 }]);
});
