import assert from "node:assert/strict";
import { test } from "node:test";
import { Commands, CommandRejected, MOST_COMMANDS } from "../../../../netra_backend/app/web/page/core/commands.js";
import { MESSAGE_FAULTS, MOST_SENDS } from "../../../../netra_backend/app/web/page/core/error_table.js";

const FAULT = { error: "invalid_json", message: "No.", hint: "Mend it.", retryable: false };

/** Commands that were sent, and how each ended. */
function sent(...ids) {
  const commands = new Commands();
  const ends = {};
  commands.connected(undefined);
  for (const id of ids) {
    commands.add(id, { id }).then(() => { ends[id] = "accepted"; }, (thrown) => { ends[id] = thrown.info.error; });
  }
  commands.unsent();
  return { commands, ends, settled: async () => { for (let turn = 0; turn < 9; turn += 1) await null; } };
}

test("what was not answered is sent once over each connection, in its order", () => {
  const { commands } = sent("a", "b");
  assert.deepEqual(commands.unsent(), []);
  commands.lost(1006);
  assert.deepEqual(commands.unsent(), ['{"id":"a"}', '{"id":"b"}']);
});

test("of several that may be at fault, the one that stays without an answer is it", async () => {
  for (const error of Object.keys(MESSAGE_FAULTS)) {
    const { commands, ends, settled } = sent("a", "b", "c");
    commands.failed({ ...FAULT, error });
    commands.accepted({ id: "a" });
    await settled();
    assert.deepEqual(ends, { a: "accepted" });
    commands.failed({ id: "c", error: "run_limit" });
    await settled();
    assert.deepEqual(ends, { a: "accepted", c: "run_limit", b: error });
  }
});

test("what may have been at fault when the connection ended is never sent again", async () => {
  const { commands, ends, settled } = sent("a", "b");
  commands.failed(FAULT);
  commands.lost(1006);
  await settled();
  assert.deepEqual(ends, { a: "invalid_json", b: "invalid_json" });
  assert.deepEqual(commands.unsent(), []);
});

test("a fault that names nothing that waits blames nobody, and other errors without an id neither", async () => {
  const { commands, ends, settled } = sent("a");
  commands.failed({ ...FAULT, error: "rate_limited" });
  commands.lost(1006);
  commands.failed(FAULT);
  await settled();
  assert.deepEqual(ends, {});
  assert.equal(commands.unsent().length, 1);
});

test("what the next server does not take is rejected", async () => {
  const { commands, ends, settled } = sent("a", "long".repeat(9));
  commands.lost(1006);
  commands.connected(20);
  await settled();
  assert.deepEqual(Object.values(ends), ["payload_too_large"]);
  assert.deepEqual(commands.unsent(), ['{"id":"a"}']);
});

test("a command is not sent for ever", async () => {
  const { commands, ends, settled } = sent("a");
  for (let count = 1; count < MOST_SENDS; count += 1) {
    commands.lost(1006);
    assert.equal(commands.unsent().length, 1);
  }
  commands.lost(1006);
  await settled();
  assert.deepEqual(ends, { a: "unreachable" });
  assert.deepEqual(commands.unsent(), []);
});

test("the number of waiting commands is bounded", async () => {
  const { commands } = sent(...Array.from({ length: MOST_COMMANDS }, (_, number) => `c${number}`));
  await assert.rejects(commands.add("more", {}), (thrown) => thrown instanceof CommandRejected && thrown.info.error === "busy");
});
