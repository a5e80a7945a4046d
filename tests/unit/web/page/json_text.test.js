import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { jsonText, utf8Length, wellFormed } from "../../../../netra_backend/app/web/page/core/json_text.js";

test("half of a surrogate pair becomes U+FFFD, and a whole one stays", () => {
  for (const text of ["", "plain", "😀", "a\ud83d", "\ude00b", "\ud83d\ud83d\ude00", "\ude00\ud83d", "😀\ude00", "\ud83d😀\ud83d"]) {
    assert.equal(wellFormed(text), text.toWellFormed(), JSON.stringify(text));
  }
});

test("every text of what is sent is well formed, however deep", () => {
  const text = jsonText({ message: "cut \ud83d", list: ["\ude00", { deep: "\ud800" }], count: 3, none: null });
  assert.equal(text, '{"message":"cut \ufffd","list":["\ufffd",{"deep":"\ufffd"}],"count":3,"none":null}');
});

test("the length of a text is that of its bytes", () => {
  for (const text of ["", "plain", "é", "…", "😀", "aé…😀\u0000\u07ff\u0800\uffff"]) {
    assert.equal(utf8Length(text), Buffer.byteLength(text), JSON.stringify(text));
  }
});
