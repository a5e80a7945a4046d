import assert from "node:assert/strict";
import { test } from "node:test";
import { afterClose, afterStatus, closeMessage } from "../../../../netra_backend/app/web/page/core/closes.js";
import { CLOSES, TRANSIENT_STATUSES } from "../../../../netra_backend/app/web/page/core/error_table.js";

test("codes from 4500 to 4599 do not reconnect, all others do, and codes about identity ask for a sign-in", () => {
  for (const code of [1000, 1001, 1006, 1009, 1012, 4402, 4403, 4408, 4409, 4410, 4411, 4429, 4499, 4600]) {
    assert.equal(afterClose(code), "reconnect", String(code));
  }
  for (const code of [4500, 4510, 4530, 4599]) assert.equal(afterClose(code), "stop");
  for (const code of [4401, 4501, 4503, 4504]) assert.equal(afterClose(code), "sign_in");
});

test("every code of the server's table has what to do after it, and says what happened", () => {
  for (const [code, { text, next }] of Object.entries(CLOSES)) {
    assert.equal(afterClose(Number(code)), next === "renew" ? "sign_in" : next);
    assert.ok(closeMessage(Number(code), "").startsWith(text));
  }
});

test("a server that is away or busy is waited out, and an error of identity asks for a sign-in", () => {
  for (const status of [0, ...TRANSIENT_STATUSES]) assert.equal(afterStatus(status, "internal"), "reconnect");
  assert.equal(afterStatus(401, "auth_timeout"), "reconnect");
  for (const error of ["unauthenticated", "token_expired", "revoked", ""]) assert.equal(afterStatus(401, error), "sign_in");
  for (const status of [400, 403, 404, 426]) assert.equal(afterStatus(status, ""), "stop");
});

test("a message says what happened, and the code where it has no text of its own", () => {
  assert.equal(closeMessage(4503, "revoked"), "This sign-in was revoked.");
  assert.match(closeMessage(4599, "odd"), /4599, odd.*Reload/);
  assert.match(closeMessage(4510, ""), /Reload the page/);
  assert.equal(closeMessage(1006, ""), "Connection lost.");
});
