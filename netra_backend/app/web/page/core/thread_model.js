/**
 * A thread as the page shows it, built from its events. Live and replayed events give the same model.
 *
 * @typedef {import("./types.js").RunEvent} RunEvent
 *
 * @typedef {object} Step
 * @property {string} key
 * @property {"queued" | "started" | "thinking" | "tool" | "approval" | "asked" | "ended"} kind
 * @property {number} startedMs
 * @property {number | null} endedMs `null` while it is open.
 * @property {string} text
 * @property {RunEvent} event The event that opened it.
 * @property {RunEvent | null} outcome The event that ended it, if any: a tool's result, a decision.
 *
 * @typedef {object} Run
 * @property {string} id
 * @property {number} seq Where it begins in its thread.
 * @property {string} agent
 * @property {string} question
 * @property {import("./types.js").MessagePart[]} files What was attached to the question.
 * @property {number} askedMs
 * @property {Step[]} steps
 * @property {string} streamed The answer so far.
 * @property {RunEvent | null} end `agent_completed`, `agent_failed` or `agent_cancelled`.
 * @property {number} queuePosition 0 once it runs.
 * @property {number} version Grows with every event.
 *
 * @typedef {{key: string, kind: "question" | "step" | "answer", run: Run, step: Step | null, version: number}} Row
 */

/** @type {Record<string, string>} */
const ENDED = { agent_completed: "Completed", agent_failed: "Failed", agent_cancelled: "Stopped" };
const ENDS = new Set(Object.keys(ENDED));

export class ThreadModel {
  /** @type {Map<string, Run>} */
  #runs = new Map();
  /** @type {Map<string, {attempt: number, text: string}>} */
  #streams = new Map();
  /** Runs that were superseded. @type {Set<string>} */
  #superseded = new Set();
  events = 0;

  /** @param {RunEvent} event */
  take(event) {
    this.events += 1;
    if (event.type === "run_superseded") this.#supersede(event);
    if (event.type === "run_superseded" || this.#superseded.has(event.run_id)) return;
    const run = this.#runs.get(event.run_id) ?? this.#open(event);
    run.version += 1;
    if (event.type !== "agent_delta") close(run, event);
    if (ENDS.has(event.type)) {
      run.end = event;
      add(run, "ended", event, ENDED[event.type]);
      close(run, event);
    } else this.#step(run, event);
  }

  clear() {
    this.#runs.clear();
    this.#streams.clear();
    this.#superseded.clear();
    this.events = 0;
  }

  /** @returns {Run[]} */
  get runs() {
    return [...this.#runs.values()];
  }

  /** The first run that has not ended. @returns {Run | undefined} */
  get active() {
    return this.runs.find((run) => run.end === null);
  }

  /** @returns {Row[]} */
  rows() {
    /** @type {Row[]} */
    const rows = [];
    for (const run of this.#runs.values()) {
      rows.push({ key: `${run.id}:question`, kind: "question", run, step: null, version: run.queuePosition });
      for (const step of run.steps) {
        rows.push({ key: `${run.id}:${step.key}`, kind: "step", run, step, version: step.endedMs === null ? 0 : 1 });
      }
      if (run.streamed !== "" || run.end !== null) {
        const version = run.end === null ? run.streamed.length : -1;
        rows.push({ key: `${run.id}:answer`, kind: "answer", run, step: null, version });
      }
    }
    return rows;
  }

  /** Its run, and what began after it, counts no more: the run `by` stands in their place. @param {RunEvent} event */
  #supersede(event) {
    for (const run of this.runs) {
      if (run.seq < (event.since ?? Infinity) || run.seq >= event.seq || run.id === event.by) continue;
      this.#runs.delete(run.id);
      this.#superseded.add(run.id);
    }
    this.#superseded.add(event.run_id);
  }

  /** @param {RunEvent} event @returns {Run} */
  #open(event) {
    /** @type {Run} */
    const run = {
      id: event.run_id,
      seq: event.seq,
      agent: event.agent ?? "",
      question: event.type === "user_message" ? (event.text ?? "") : "",
      files: (event.parts ?? []).filter((part) => part.type === "file"),
      askedMs: event.ts,
      steps: [],
      streamed: "",
      end: null,
      queuePosition: 0,
      version: 0,
    };
    this.#runs.set(run.id, run);
    return run;
  }

  /** @param {Run} run @param {RunEvent} event */
  #step(run, event) {
    switch (event.type) {
      case "run_queued":
        run.queuePosition = event.queue_position ?? 0;
        add(run, "queued", event, `Waiting at position ${run.queuePosition} in the queue`);
        break;
      case "agent_started":
        run.queuePosition = 0;
        add(run, "started", event, event.agent ?? "");
        break;
      case "agent_thinking":
        add(run, "thinking", event, event.text ?? "");
        break;
      case "tool_executing":
        add(run, "tool", event, event.tool ?? "");
        break;
      case "approval_requested":
        add(run, "approval", event, event.tool ?? "");
        break;
      case "question_asked":
        add(run, "asked", event, event.text ?? "");
        break;
      case "agent_delta":
        this.#stream(run, event);
        break;
      default:
    }
  }

  /** A call that is streamed again has a higher attempt; text of lower attempts is dropped. @param {Run} run @param {RunEvent} event */
  #stream(run, event) {
    const key = `${run.id} ${event.call_id}`;
    const attempt = event.attempt ?? 0;
    const before = this.#streams.get(key);
    if (before !== undefined && attempt < before.attempt) return;
    if (before !== undefined && attempt > before.attempt) run.streamed = run.streamed.replace(before.text, "");
    const text = (before?.attempt === attempt ? before.text : "") + (event.text ?? "");
    this.#streams.set(key, { attempt, text });
    run.streamed += event.text ?? "";
  }
}

/** @param {Run} run @param {Step["kind"]} kind @param {RunEvent} event @param {string} text */
function add(run, kind, event, text) {
  run.steps.push({ key: `${event.seq}`, kind, startedMs: event.ts, endedMs: null, text, event, outcome: null });
}

/**
 * Close open steps: a tool with its result, an approval with its decision, a question with its answer, any other with the next event.
 * @param {Run} run @param {RunEvent} event
 */
function close(run, event) {
  const ended = ENDS.has(event.type);
  for (let index = run.steps.length - 1; index >= 0; index -= 1) {
    const step = run.steps[index];
    if (step.endedMs !== null) continue;
    const isOutcome =
      (step.kind === "tool" && event.type === "tool_completed" && event.call_id === step.event.call_id) ||
      (step.kind === "approval" && event.type === "approval_resolved" && event.approval_id === step.event.approval_id) ||
      (step.kind === "asked" && event.type === "question_answered" && event.question_id === step.event.question_id);
    const waits = step.kind === "tool" || step.kind === "approval" || step.kind === "asked";
    if (isOutcome) step.outcome = event;
    if (isOutcome || ended || !waits) step.endedMs = event.ts;
  }
}
