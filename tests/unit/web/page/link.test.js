import assert from "node:assert/strict";
import { test } from "node:test";
import { Link, MOST_COMMANDS, Refused } from "../../../../netra_backend/app/web/page/core/link.js";

const CONNECTED = { type: "connected", connection_id: "c", user_id: "u", protocol: 1, heartbeat_ms: 1000, limits: {} };

/** A link whose sockets, time and chance are in the test's hands. */
function staged() {
  const sockets = [];
  const timers = [];
  const told = { states: [], events: [], others: [], resets: [], lives: [], absents: [], caughtUp: [], drains: 0 };
  let keys = 0;
  const link = new Link({
    open(ears) {
      const socket = { sent: [], isClosed: false, send: (text) => socket.sent.push(JSON.parse(text)), close: () => { socket.isClosed = true; },
        hear: (frame) => ears.heard(JSON.stringify(frame)), end: (code, reason = "") => ears.closed(code, reason) };
      sockets.push(socket);
      return socket;
    },
    after(ms, act) {
      const timer = { ms, act, isOn: true };
      timers.push(timer);
      return () => { timer.isOn = false; };
    },
    random: () => 0.5,
    key: () => `k${(keys += 1)}`,
  }, {
    state: ({ state }) => told.states.push(state),
    event: (event) => told.events.push(event.seq),
    other: (event) => told.others.push(event.thread_id),
    reset: (id) => told.resets.push(id),
    live: (id) => told.lives.push(id),
    absent: (id, frame) => told.absents.push([id, frame.error]),
    caughtUp: (replayed) => told.caughtUp.push(replayed),
    drain: () => { told.drains += 1; },
  });
  return {
    link, sockets, told,
    get socket() { return sockets.at(-1); },
    connect() {
      link.start();
      this.socket.hear(CONNECTED);
      return this.socket;
    },
    /** Let the timer of the next try (not the watch) act, or the newest of so many milliseconds. */
    next(ms) {
      const due = timers.filter((timer) => timer.isOn && (ms === undefined || timer.ms === ms)).at(-1);
      due.isOn = false;
      due.act();
      return due.ms;
    },
  };
}

const event = (seq, thread_id = "t") => ({ type: "agent_thinking", thread_id, run_id: "r", seq, ts: 0, text: "" });
const resumes = (socket) => socket.sent.filter((frame) => frame.type === "resume");

test("a thread that is followed is read from its beginning, each event once and in order", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("t");
  const [{ id, positions }] = resumes(socket);
  assert.deepEqual(positions, { t: { epoch: "", seq: 0 } });
  for (const seq of [1, 2, 2, 1, 3]) socket.hear(event(seq));
  socket.hear({ type: "live", thread_id: "t", epoch: "e", seq: 3, id });
  assert.deepEqual(stage.told.events, [1, 2, 3]);
  assert.deepEqual(stage.told.lives, ["t"]);
});

test("a hole holds back what comes after it and asks for what is missing, once", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("t");
  socket.hear({ type: "live", thread_id: "t", epoch: "e", seq: 0, id: resumes(socket)[0].id });
  for (const seq of [1, 3, 4]) socket.hear(event(seq));
  assert.deepEqual(stage.told.events, [1]);
  assert.deepEqual(resumes(socket).slice(1).map((frame) => frame.positions), [{ t: { epoch: "e", seq: 1 } }]);
  for (const seq of [2, 3, 4]) socket.hear(event(seq));
  assert.deepEqual(stage.told.events, [1, 2, 3, 4]);
});

test("a heartbeat that tells more than came asks for it", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("t");
  socket.hear({ type: "live", thread_id: "t", epoch: "e", seq: 0, id: resumes(socket)[0].id });
  socket.hear({ type: "heartbeat", tops: { t: 2, other: 9 } });
  socket.hear({ type: "heartbeat", tops: { t: 2 } });
  assert.equal(resumes(socket).length, 2);
});

test("what cannot be read now is asked for again, is no thread that is absent, and not asked for twice", () => {
  const stage = staged();
  const first = stage.connect();
  stage.link.follow("t");
  const away = { type: "error", error: "dependency_unavailable", message: "", hint: "", retryable: true, retry_after_ms: 700 };
  first.hear({ ...away, id: resumes(first)[0].id });
  assert.equal(stage.next(), 700);
  assert.deepEqual(resumes(first).map((frame) => frame.positions), [{ t: { epoch: "", seq: 0 } }, { t: { epoch: "", seq: 0 } }]);
  first.hear({ ...away, id: resumes(first)[1].id });
  first.end(1006);
  stage.next();
  stage.socket.hear(CONNECTED);
  assert.equal(stage.next(700), 700);
  assert.equal(resumes(stage.socket).length, 1);
  assert.deepEqual(stage.told.absents, []);
});

test("after a loss it resumes where it stood and tells how much was replayed", () => {
  const stage = staged();
  const first = stage.connect();
  stage.link.follow("t");
  first.hear(event(1));
  first.hear({ type: "live", thread_id: "t", epoch: "e", seq: 1, id: resumes(first)[0].id });
  first.end(1006);
  assert.equal(stage.told.states.at(-1), "waiting");
  assert.equal(stage.next(), 250);
  const second = stage.socket;
  second.hear(CONNECTED);
  assert.deepEqual(resumes(second)[0].positions, { t: { epoch: "e", seq: 1 } });
  second.hear(event(2));
  second.hear(event(3));
  assert.deepEqual(stage.told.caughtUp, []);
  second.hear({ type: "live", thread_id: "t", epoch: "e", seq: 3, id: resumes(second)[0].id });
  second.hear(event(4));
  assert.deepEqual(stage.told.caughtUp, [2]);
  assert.deepEqual(stage.told.events, [1, 2, 3, 4]);
});

test("the first connection has nothing to catch up", () => {
  const stage = staged();
  stage.connect();
  assert.deepEqual(stage.told.caughtUp, []);
});

test("tries wait longer and longer, and a connection that stands begins anew", () => {
  const stage = staged();
  stage.link.start();
  stage.socket.end(1006);
  assert.equal(stage.next(), 250);
  stage.socket.end(1006);
  assert.equal(stage.next(), 500);
  stage.socket.hear(CONNECTED);
  stage.socket.end(4408);
  assert.equal(stage.next(), 250);
});

test("a command is sent again after a loss, under the same key, until it is answered", async () => {
  const stage = staged();
  const first = stage.connect();
  const answer = stage.link.command({ type: "execute_agent", agent: "a", message: "m" });
  first.end(1006);
  stage.next();
  stage.socket.hear(CONNECTED);
  assert.deepEqual(stage.socket.sent.at(-1), first.sent.at(-1));
  stage.socket.hear({ type: "accepted", id: first.sent.at(-1).id, thread_id: "t", epoch: "e", run_id: "r", seq: 1 });
  assert.equal((await answer).run_id, "r");
  stage.socket.hear(event(1));
  assert.deepEqual(stage.told.events, [1]);
});

test("a refused command says why", async () => {
  const stage = staged();
  const socket = stage.connect();
  const answer = stage.link.command({ type: "cancel_run", run_id: "r" });
  socket.hear({ type: "error", id: socket.sent.at(-1).id, error: "not_found", message: "No.", hint: "h", retryable: false });
  await assert.rejects(answer, (error) => error instanceof Refused && error.told.error === "not_found");
});

test("no more commands wait than there is room for", async () => {
  const stage = staged();
  for (let count = 0; count < MOST_COMMANDS; count += 1) void stage.link.command({ type: "ping" });
  await assert.rejects(stage.link.command({ type: "ping" }), Refused);
});

test("a history that was reset comes anew", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("t");
  socket.hear({ type: "reset", thread_id: "t", epoch: "f", oldest: 5, top: 6, id: resumes(socket)[0].id });
  assert.deepEqual(stage.told.resets, ["t"]);
  assert.deepEqual(resumes(socket)[1].positions, { t: { epoch: "f", seq: 4 } });
});

test("a thread that is not there is told, and its place is given up", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("gone");
  socket.hear({ type: "error", id: resumes(socket)[0].id, error: "not_found", message: "", hint: "", retryable: false });
  assert.deepEqual(stage.told.absents, [["gone", "not_found"]]);
  socket.hear(event(1, "gone"));
  assert.deepEqual(stage.told.others, ["gone"]);
});

test("a close that says stop is not tried again, and one of identity asks for a sign-in", () => {
  for (const [code, state] of [[4510, "stopped"], [4503, "sign_in"], [4401, "sign_in"]]) {
    const stage = staged();
    stage.connect().end(code);
    assert.equal(stage.told.states.at(-1), state);
    assert.equal(stage.sockets.length, 1);
  }
});

test("silence beyond two heartbeats is a loss, whatever the socket believes", () => {
  const stage = staged();
  const socket = stage.connect();
  assert.equal(stage.next(), 2500);
  assert.ok(socket.isClosed);
  assert.equal(stage.told.states.at(-1), "waiting");
});

test("without a network it lets go, comes back when there is one, and what an old socket says is not heard", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("t");
  stage.link.offline();
  assert.ok(socket.isClosed);
  socket.hear(event(1));
  socket.end(1006);
  assert.deepEqual(stage.told.events, []);
  stage.link.start();
  assert.equal(stage.sockets.length, 2);
  stage.socket.hear({ type: "drain", after_ms: 1 });
  assert.equal(stage.told.drains, 1);
  stage.link.stop();
  assert.equal(stage.told.states.at(-1), "stopped");
});
