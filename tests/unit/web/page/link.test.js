import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST_COMMANDS, CommandRejected } from "../../../../netra_backend/app/web/page/core/commands.js";
import { STEADY_MS } from "../../../../netra_backend/app/web/page/core/error_table.js";
import { Link } from "../../../../netra_backend/app/web/page/core/link.js";

const CONNECTED = { type: "connected", connection_id: "c", user_id: "u", protocol: 1, heartbeat_ms: 1000, limits: {} };

/** A link whose sockets, timers and randomness the test controls. */
function staged() {
  const sockets = [];
  const timers = [];
  const seen = { states: [], events: [], others: [], resets: [], lives: [], absents: [], caughtUp: [], drains: 0 };
  let keys = 0;
  const link = new Link({
    open(handlers) {
      const socket = { sent: [], isClosed: false, send: (text) => socket.sent.push(JSON.parse(text)), close: () => { socket.isClosed = true; },
        receive: (frame) => handlers.onMessage(JSON.stringify(frame)), end: (code, reason = "") => handlers.onClose(code, reason) };
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
    state: ({ state }) => seen.states.push(state),
    event: (event) => seen.events.push(event.seq),
    other: (event) => seen.others.push(event.thread_id),
    reset: (id) => seen.resets.push(id),
    live: (id) => seen.lives.push(id),
    absent: (id, frame) => seen.absents.push([id, frame.error]),
    caughtUp: (replayed) => seen.caughtUp.push(replayed),
    drain: () => { seen.drains += 1; },
  });
  return {
    link, sockets, seen,
    get socket() { return sockets.at(-1); },
    connect() {
      link.start();
      this.socket.receive(CONNECTED);
      return this.socket;
    },
    /** Fire the newest timer, or the newest one of this many milliseconds. */
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
  for (const seq of [1, 2, 2, 1, 3]) socket.receive(event(seq));
  socket.receive({ type: "live", thread_id: "t", epoch: "e", seq: 3, id });
  assert.deepEqual(stage.seen.events, [1, 2, 3]);
  assert.deepEqual(stage.seen.lives, ["t"]);
});

test("a gap holds back later events and requests the missing ones once", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("t");
  socket.receive({ type: "live", thread_id: "t", epoch: "e", seq: 0, id: resumes(socket)[0].id });
  for (const seq of [1, 3, 4]) socket.receive(event(seq));
  assert.deepEqual(stage.seen.events, [1]);
  assert.deepEqual(resumes(socket).slice(1).map((frame) => frame.positions), [{ t: { epoch: "e", seq: 1 } }]);
  for (const seq of [2, 3, 4]) socket.receive(event(seq));
  assert.deepEqual(stage.seen.events, [1, 2, 3, 4]);
});

test("a heartbeat that announces missing events requests them", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("t");
  socket.receive({ type: "live", thread_id: "t", epoch: "e", seq: 0, id: resumes(socket)[0].id });
  socket.receive({ type: "heartbeat", tops: { t: 2, other: 9 } });
  socket.receive({ type: "heartbeat", tops: { t: 2 } });
  assert.equal(resumes(socket).length, 2);
});

test("a thread that cannot be read now is requested again, not reported absent, and not requested twice", () => {
  const stage = staged();
  const first = stage.connect();
  stage.link.follow("t");
  const away = { type: "error", error: "dependency_unavailable", message: "", hint: "", retryable: true, retry_after_ms: 700 };
  first.receive({ ...away, id: resumes(first)[0].id });
  assert.equal(stage.next(), 700);
  assert.deepEqual(resumes(first).map((frame) => frame.positions), [{ t: { epoch: "", seq: 0 } }, { t: { epoch: "", seq: 0 } }]);
  first.receive({ ...away, id: resumes(first)[1].id });
  first.end(1006);
  stage.next();
  stage.socket.receive(CONNECTED);
  assert.equal(stage.next(700), 700);
  assert.equal(resumes(stage.socket).length, 1);
  assert.deepEqual(stage.seen.absents, []);
});

test("after a loss it resumes from its position and reports how many events were replayed", () => {
  const stage = staged();
  const first = stage.connect();
  stage.link.follow("t");
  first.receive(event(1));
  first.receive({ type: "live", thread_id: "t", epoch: "e", seq: 1, id: resumes(first)[0].id });
  first.end(1006);
  assert.equal(stage.seen.states.at(-1), "waiting");
  assert.equal(stage.next(), 250);
  const second = stage.socket;
  second.receive(CONNECTED);
  assert.deepEqual(resumes(second)[0].positions, { t: { epoch: "e", seq: 1 } });
  second.receive(event(2));
  second.receive(event(3));
  assert.deepEqual(stage.seen.caughtUp, []);
  second.receive({ type: "live", thread_id: "t", epoch: "e", seq: 3, id: resumes(second)[0].id });
  second.receive(event(4));
  assert.deepEqual(stage.seen.caughtUp, [2]);
  assert.deepEqual(stage.seen.events, [1, 2, 3, 4]);
});

test("the first connection has nothing to catch up", () => {
  const stage = staged();
  stage.connect();
  assert.deepEqual(stage.seen.caughtUp, []);
});

test("attempts wait longer and longer, and a connection that held resets the delay", () => {
  const stage = staged();
  stage.link.start();
  stage.socket.end(1006);
  assert.equal(stage.next(), 250);
  stage.socket.end(1006);
  assert.equal(stage.next(), 500);
  stage.socket.receive(CONNECTED);
  stage.socket.end(4408);
  assert.equal(stage.next(), 1000);
  stage.socket.receive(CONNECTED);
  stage.next(STEADY_MS);
  stage.socket.end(4408);
  assert.equal(stage.next(), 250);
});

test("a command is sent again after a loss, under the same key, until it is answered", async () => {
  const stage = staged();
  const first = stage.connect();
  const answer = stage.link.command({ type: "execute_agent", agent: "a", message: "m" });
  first.end(1006);
  stage.next();
  stage.socket.receive(CONNECTED);
  assert.deepEqual(stage.socket.sent.at(-1), first.sent.at(-1));
  stage.socket.receive({ type: "accepted", id: first.sent.at(-1).id, thread_id: "t", epoch: "e", run_id: "r", seq: 1 });
  assert.equal((await answer).run_id, "r");
  stage.socket.receive(event(1));
  assert.deepEqual(stage.seen.events, [1]);
});

test("a rejected command says why", async () => {
  const stage = staged();
  const socket = stage.connect();
  const answer = stage.link.command({ type: "cancel_run", run_id: "r" });
  socket.receive({ type: "error", id: socket.sent.at(-1).id, error: "not_found", message: "No.", hint: "h", retryable: false });
  await assert.rejects(answer, (error) => error instanceof CommandRejected && error.info.error === "not_found");
});

test("the number of waiting commands is bounded", async () => {
  const stage = staged();
  for (let count = 0; count < MOST_COMMANDS; count += 1) void stage.link.command({ type: "ping" });
  await assert.rejects(stage.link.command({ type: "ping" }), CommandRejected);
});

test("a thread whose history was reset is delivered from its start", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("t");
  socket.receive({ type: "reset", thread_id: "t", epoch: "f", oldest: 5, top: 6, id: resumes(socket)[0].id });
  assert.deepEqual(stage.seen.resets, ["t"]);
  assert.deepEqual(resumes(socket)[1].positions, { t: { epoch: "f", seq: 4 } });
});

test("an absent thread is reported and no longer followed", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("gone");
  socket.receive({ type: "error", id: resumes(socket)[0].id, error: "not_found", message: "", hint: "", retryable: false });
  assert.deepEqual(stage.seen.absents, [["gone", "not_found"]]);
  socket.receive(event(1, "gone"));
  assert.deepEqual(stage.seen.others, ["gone"]);
});

test("a final close is not retried, and one about identity asks for a sign-in", () => {
  for (const [code, state] of [[4510, "stopped"], [4503, "sign_in"], [4401, "sign_in"]]) {
    const stage = staged();
    stage.connect().end(code);
    assert.equal(stage.seen.states.at(-1), state);
    stage.link.start();
    stage.link.offline();
    stage.link.stop();
    assert.equal(stage.seen.states.at(-1), state);
    assert.equal(stage.sockets.length, 1);
  }
});

test("silence of more than two heartbeats is a loss, even if the socket looks open", () => {
  const stage = staged();
  const socket = stage.connect();
  assert.equal(stage.next(2500), 2500);
  assert.ok(socket.isClosed);
  assert.equal(stage.seen.states.at(-1), "waiting");
});

test("without a network it disconnects, reconnects when there is one, and ignores the old socket", () => {
  const stage = staged();
  const socket = stage.connect();
  stage.link.follow("t");
  stage.link.offline();
  assert.ok(socket.isClosed);
  socket.receive(event(1));
  socket.end(1006);
  assert.deepEqual(stage.seen.events, []);
  stage.link.start();
  assert.equal(stage.sockets.length, 2);
  stage.socket.receive({ type: "drain", after_ms: 1 });
  assert.equal(stage.seen.drains, 1);
  stage.link.stop();
  assert.equal(stage.seen.states.at(-1), "stopped");
});

const FAULT = { type: "error", message: "No.", hint: "Mend it.", retryable: false };
const commands = (socket) => socket.sent.filter((frame) => frame.type === "cancel_run").map((frame) => frame.run_id);

/** Lose the connection with this code, and reconnect. */
function reconnect(stage, code = 1006) {
  stage.socket.end(code);
  stage.next();
  stage.socket.receive(CONNECTED);
  return stage.socket;
}

test("a message that the server cannot name is rejected and never sent again", async () => {
  for (const error of ["invalid_json", "invalid_frame", "unknown_type", "payload_too_large"]) {
    const stage = staged();
    const socket = stage.connect();
    const answer = stage.link.command({ type: "cancel_run", run_id: "bad" });
    socket.receive({ ...FAULT, error });
    await assert.rejects(answer, (thrown) => thrown instanceof CommandRejected && thrown.info.error === error);
    assert.deepEqual(commands(reconnect(stage)), []);
  }
});

test("after a close for a message that is too long, that one is rejected and the others are sent again", async () => {
  const stage = staged();
  stage.connect();
  void stage.link.command({ type: "cancel_run", run_id: "a" });
  const long = stage.link.command({ type: "cancel_run", run_id: "longer" });
  const second = reconnect(stage, 1009);
  await assert.rejects(long, (thrown) => thrown.info.error === "payload_too_large");
  assert.deepEqual(commands(second), ["a"]);
});

test("a final close rejects what waits, and nothing connects or is sent any more", async () => {
  for (const [code, error] of [[4510, "too_many_faults"], [4503, "revoked"], [4401, "token_expired"], [4599, "closed"]]) {
    const stage = staged();
    const socket = stage.connect();
    const answer = stage.link.command({ type: "cancel_run", run_id: "a" });
    socket.end(code);
    await assert.rejects(answer, (thrown) => thrown.info.error === error && thrown.info.message !== "");
    stage.link.start();
    await assert.rejects(stage.link.command({ type: "cancel_run", run_id: "b" }), CommandRejected);
    assert.deepEqual(stage.sockets.map(commands), [["a"]]);
  }
});

test("a link that is stopped rejects what waits", async () => {
  const stage = staged();
  stage.connect();
  const answer = stage.link.command({ type: "cancel_run", run_id: "a" });
  stage.link.stop();
  await assert.rejects(answer, (thrown) => thrown.info.error === "stopped");
});

test("a message that is too long for the server is rejected before it is sent", async () => {
  const stage = staged();
  stage.link.start();
  stage.socket.receive({ ...CONNECTED, limits: { bytes: 60 } });
  await assert.rejects(stage.link.command({ type: "cancel_run", run_id: "é".repeat(30) }), (thrown) =>
    thrown.info.error === "payload_too_large" && /limit is 60 bytes/.test(thrown.info.message));
  void stage.link.command({ type: "cancel_run", run_id: "fits" });
  assert.deepEqual(commands(stage.socket), ["fits"]);
});

test("half of a character is replaced before it is sent", () => {
  const stage = staged();
  stage.connect();
  void stage.link.command({ type: "cancel_run", run_id: "a\ud83d" });
  assert.deepEqual(commands(stage.socket), ["a\ufffd"]);
});

test("a sign-in that is not valid yet, and too many connections, are waited out as long as the server asks", () => {
  for (const code of [4403, 4411, 4429]) {
    const stage = staged();
    const socket = stage.connect();
    socket.receive({ ...FAULT, error: "rate_limited", retryable: true, retry_after_ms: 7000 });
    socket.end(code);
    assert.equal(stage.seen.states.at(-1), "waiting");
    assert.equal(stage.next(), 7250);
    assert.equal(stage.sockets.length, 2);
  }
});
