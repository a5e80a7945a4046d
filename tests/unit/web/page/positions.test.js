import assert from "node:assert/strict";
import { test } from "node:test";
import { Positions } from "../../../../netra_backend/app/web/page/core/positions.js";

test("the next event is taken, an earlier one is a repeat, a later one shows a hole", () => {
  const positions = new Positions();
  positions.follow("a", "e", 4);
  assert.equal(positions.judge("a", 5), "take");
  assert.equal(positions.judge("a", 5), "repeat");
  assert.equal(positions.judge("a", 7), "gap");
  assert.equal(positions.judge("a", 6), "take");
  assert.deepEqual(positions.all(), { a: { epoch: "e", seq: 6 } });
});

test("a hole moves nothing, so that what is missing can still be taken", () => {
  const positions = new Positions();
  positions.follow("a", "e", 0);
  assert.equal(positions.judge("a", 3), "gap");
  assert.equal(positions.judge("a", 1), "take");
});

test("a heartbeat tells only of followed threads that are behind", () => {
  const positions = new Positions();
  positions.follow("a", "e", 3);
  positions.follow("b", "e", 3);
  assert.deepEqual(positions.behind({ a: 4, b: 3, c: 9 }), ["a"]);
});

test("an epoch is learned without moving, and not for a thread that is not followed", () => {
  const positions = new Positions();
  positions.follow("a", "", 3);
  positions.learnEpoch("a", "e");
  positions.learnEpoch("b", "e");
  assert.deepEqual(positions.all(), { a: { epoch: "e", seq: 3 } });
  positions.forget("a");
  assert.equal(positions.follows("a"), false);
  assert.throws(() => positions.judge("a", 1));
});
