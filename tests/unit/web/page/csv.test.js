import assert from "node:assert/strict";
import { test } from "node:test";
import { csv } from "../../../../netra_backend/app/web/page/core/csv.js";

test("what has commas, quotes or lines is quoted, and quotes are doubled", () => {
  assert.equal(csv(["a", "b"], [["x,y", 'say "hi"'], ["two\nlines", null]]), 'a,b\r\n"x,y","say ""hi"""\r\n"two\nlines",\r\n');
});

test("a spreadsheet calculates nothing of it, and numbers stay numbers", () => {
  assert.equal(csv(["a"], [["=HYPERLINK(1)"], ["+1+1"], ["@x"], ["-1.5"], [-2e-7]]), "a\r\n'=HYPERLINK(1)\r\n'+1+1\r\n'@x\r\n-1.5\r\n-2e-7\r\n");
});
