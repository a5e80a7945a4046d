import assert from "node:assert/strict";
import { test } from "node:test";
import { afterClose, closeTold } from "../../../../netra_backend/app/web/page/core/closes.js";

test("every code below 4500 comes back, every one from 4500 to 4599 does not, and identity asks for a sign-in", () => {
  for (const code of [1000, 1001, 1006, 1009, 1012, 4408, 4409, 4410, 4411, 4429]) assert.equal(afterClose(code), "reconnect");
  for (const code of [4500, 4510, 4530, 4599]) assert.equal(afterClose(code), "stop");
  for (const code of [4401, 4402, 4501, 4503, 4504]) assert.equal(afterClose(code), "sign_in");
});

test("what is told of a close names the code where there is no sentence for it", () => {
  assert.equal(closeTold(4503, "revoked"), "This sign-in was revoked.");
  assert.match(closeTold(4599, "odd"), /4599, odd/);
});
