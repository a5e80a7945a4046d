import assert from "node:assert/strict";
import { test } from "node:test";
import { afterClose, closeMessage } from "../../../../netra_backend/app/web/page/core/closes.js";

test("codes from 4500 to 4599 do not reconnect, all others do, and codes about identity ask for a sign-in", () => {
  for (const code of [1000, 1001, 1006, 1009, 1012, 4403, 4408, 4409, 4410, 4411, 4429]) assert.equal(afterClose(code), "reconnect");
  for (const code of [4500, 4510, 4530, 4599]) assert.equal(afterClose(code), "stop");
  for (const code of [4401, 4402, 4501, 4503, 4504]) assert.equal(afterClose(code), "sign_in");
});

test("the message of a close without a text of its own names the code", () => {
  assert.equal(closeMessage(4503, "revoked"), "This sign-in was revoked.");
  assert.match(closeMessage(4599, "odd"), /4599, odd/);
});
