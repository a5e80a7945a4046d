import assert from "node:assert/strict";
import { test } from "node:test";
import { ThreadModel } from "../../../../netra_backend/app/web/page/core/thread_model.js";

/** @param {any[]} events */
function model(events) {
  const thread = new ThreadModel();
  events.forEach((event, index) => thread.take({ thread_id: "t", run_id: "r", seq: index + 1, ts: index * 10, ...event }));
  return thread;
}

const GOLDEN = [
  { type: "user_message", agent: "a", text: "why?" },
  { type: "agent_started", agent: "a" },
  { type: "agent_thinking", text: "hm" },
  { type: "tool_executing", call_id: "1", tool: "look", arguments: {} },
  { type: "tool_completed", call_id: "1", tool: "look", ok: true, elapsed_ms: 7, result: 1 },
  { type: "agent_completed", result: { text: "so" }, usage: {}, elapsed_ms: 50 },
];

test("the five events are steps, each with its time", () => {
  const [run] = model(GOLDEN).runs;
  assert.deepEqual(run.steps.map((step) => [step.kind, (step.endedMs ?? NaN) - step.startedMs]),
    [["started", 10], ["thinking", 10], ["tool", 10], ["ended", 0]]);
  assert.equal(run.steps[2].outcome?.elapsed_ms, 7);
  assert.equal(run.end?.type, "agent_completed");
});

test("rows come in order: the question, the steps, the answer", () => {
  assert.deepEqual(model(GOLDEN).rows().map((row) => row.kind), ["question", "step", "step", "step", "step", "answer"]);
});

test("a run that goes on is the active one, and its last step has no end", () => {
  const thread = model(GOLDEN.slice(0, 4));
  assert.equal(thread.active?.id, "r");
  assert.equal(thread.active?.steps.at(-1)?.endedMs, null);
  assert.equal(model(GOLDEN).active, undefined);
});

test("a tool goes on while other things happen, and ends with its own result", () => {
  const thread = model([
    ...GOLDEN.slice(0, 2), { type: "tool_executing", call_id: "1", tool: "x" }, { type: "tool_executing", call_id: "2", tool: "y" },
    { type: "tool_completed", call_id: "2", ok: false, error: { code: "NO_DATA" } },
  ]);
  const tools = thread.runs[0].steps.filter((step) => step.kind === "tool");
  assert.deepEqual(tools.map((step) => step.endedMs), [null, 40]);
});

test("a stopped run leaves nothing open", () => {
  const thread = model([...GOLDEN.slice(0, 4), { type: "agent_cancelled", by: "user" }]);
  assert.ok(thread.runs[0].steps.every((step) => step.endedMs !== null));
});

test("an answer streams, and a higher attempt takes the place of the lower", () => {
  const thread = model([
    ...GOLDEN.slice(0, 2), { type: "agent_delta", call_id: "m", attempt: 1, text: "one " },
    { type: "agent_delta", call_id: "m", attempt: 1, text: "two" }, { type: "agent_delta", call_id: "m", attempt: 2, text: "three" },
    { type: "agent_delta", call_id: "m", attempt: 1, text: "late" },
  ]);
  assert.equal(thread.runs[0].streamed, "three");
});

test("two runs whose events are mixed stay apart", () => {
  const thread = model([{ type: "user_message", text: "1" }, { type: "user_message", text: "2", run_id: "q" },
    { type: "run_queued", run_id: "q", queue_position: 1 }, { type: "agent_thinking", text: "of one" }]);
  assert.deepEqual(thread.rows().map((row) => row.run.id), ["r", "r", "q", "q"]);
  assert.equal(thread.runs[1].queuePosition, 1);
});

test("an approval ends with its decision", () => {
  const thread = model([...GOLDEN.slice(0, 2), { type: "approval_requested", approval_id: "x", tool: "t" },
    { type: "approval_resolved", approval_id: "x", decision: "deny", by: "c" }]);
  assert.equal(thread.runs[0].steps.at(-1)?.outcome?.decision, "deny");
});

test("what was cleared comes anew as it was", () => {
  const thread = model(GOLDEN);
  thread.clear();
  assert.deepEqual(thread.rows(), []);
});

test("a question is open until it is answered, whatever happens meanwhile", () => {
  const thread = model([
    ...GOLDEN.slice(0, 2), { type: "question_asked", question_id: "q", text: "which?" }, { type: "agent_thinking", text: "hm" },
    { type: "question_answered", question_id: "other", by: "c" }, { type: "question_answered", question_id: "q", by: "c", answer: 1 },
  ]);
  const [asked] = thread.runs[0].steps.filter((step) => step.kind === "asked");
  assert.deepEqual([asked.text, asked.endedMs, asked.outcome?.answer], ["which?", 50, 1]);
});

test("a superseded run goes, with what began after it, and what still comes of it is not shown", () => {
  const thread = model([
    { type: "user_message", run_id: "first", text: "one" },
    { type: "user_message", run_id: "second", text: "two" },
    { type: "user_message", run_id: "third", text: "three" },
    { type: "user_message", run_id: "edited", text: "TWO" },
    { type: "run_superseded", run_id: "second", by: "edited", since: 2 },
    { type: "agent_cancelled", run_id: "third", by: "interrupt" },
  ]);
  assert.deepEqual(thread.runs.map((run) => run.id), ["first", "edited"]);
  thread.clear();
  thread.take(/** @type {any} */ ({ type: "user_message", thread_id: "t", run_id: "second", seq: 2, ts: 0, text: "two" }));
  assert.deepEqual(thread.runs.map((run) => run.id), ["second"]);
});

test("a question shows what was attached to it", () => {
  const parts = [{ type: "text", text: "Look." }, { type: "file", file_id: "f", media: "image/png", bytes: 7, sha256: "0" }];
  const [run] = model([{ type: "user_message", text: "Look.", parts }]).runs;
  assert.deepEqual(run.files.map((file) => [file.media, file.bytes]), [["image/png", 7]]);
});
