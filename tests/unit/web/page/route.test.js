import assert from "node:assert/strict";
import { test } from "node:test";
import { reportAddress, roomOf, routeOf, threadAddress } from "../../../../netra_backend/app/web/page/core/route.js";

test("addresses lead to their views and back", () => {
  assert.deepEqual(routeOf(threadAddress("thr_1")), { view: "chat", thread: "thr_1" });
  assert.deepEqual(routeOf(reportAddress("run_1")), { view: "report", run: "run_1" });
  assert.deepEqual(routeOf("#/report"), { view: "report", run: null });
  assert.deepEqual(routeOf("#/data"), { view: "data" });
  assert.deepEqual(routeOf("#/operator"), { view: "operator" });
});

test("what is no address leads to a new chat", () => {
  for (const odd of ["", "#", "#/", "#/thread/", "#/thread/<b>", "#/report/../x", "#/nowhere/1", "#/data2"]) {
    assert.deepEqual(routeOf(odd), { view: "chat", thread: null }, odd);
  }
});

test("the menu marks the room that is open, and none for what it does not list", () => {
  for (const listed of ["#/", "#/data", "#/report", "#/operator"]) assert.equal(roomOf(routeOf(listed)), listed);
  for (const within of [threadAddress("thr_1"), reportAddress("run_1")]) assert.equal(roomOf(routeOf(within)), null);
});
