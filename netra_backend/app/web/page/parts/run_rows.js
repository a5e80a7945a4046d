/**
 * One row of a thread: a question, a step of a run, an answer.
 *
 * @import { Row, Run, Step } from "../core/thread_model.js"
 * @import { RunEvent } from "../core/types.js"
 *
 * @typedef {object} RowActions
 * @property {(run: Run) => void} askAgain
 * @property {(run: Run) => void} edit
 * @property {(run: Run) => Promise<string>} html The answer as HTML that the server has sanitised.
 * @property {Set<string>} unfolded Keys of the steps that the user has opened.
 */
import { cut, duration, integer, money, words } from "../core/format.js";
import { isReport } from "../core/result_report.js";
import { reportAddress } from "../core/route.js";
import { h } from "../platform/dom.js";
import { showServerHtml } from "../platform/trusted_html.js";
import { valueView } from "./value_view.js";

const MOST_ANSWER = 80;
/** @type {Record<Step["kind"], string>} */
const NAMES = { queued: "Queued", started: "Started", thinking: "Thinking", tool: "Tool", approval: "Approval", asked: "Question", ended: "Ended" };
/** @type {Record<string, string>} */
const STOPPED_BY = { user: " by you", interrupt: " by a new message", operator: " by the operator", timeout: ": the time limit was reached" };

/** @param {Row} row @param {RowActions} actions @returns {Node} */
export function rowView(row, actions) {
  if (row.kind === "question") return questionView(row.run, actions);
  if (row.kind === "step") return stepView(row.key, /** @type {Step} */ (row.step), actions);
  return answerView(row.run, actions);
}

/** @param {Run} run @param {RowActions} actions */
function questionView(run, actions) {
  const time = new Date(run.askedMs);
  return h("article", { class: "question" },
    h("p", { class: "question-text" }, run.question),
    h("p", { class: "byline" },
      h("span", { class: "visually-hidden" }, "You asked "), words(run.agent), " · ",
      h("time", { datetime: time.toISOString() }, time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })),
      run.files.map((file) => h("span", { class: "badge" }, `${file.media}, ${integer(file.bytes ?? 0)} bytes`)),
      run.queuePosition > 0 && h("span", { class: "badge" }, `position ${run.queuePosition} in the queue`),
      run.question !== "" && h("button", { type: "button", class: "quiet", title: "Edit the question and ask it again",
        onclick: () => actions.edit(run) }, "Edit")),
  );
}

/** @param {string} key @param {Step} step @param {RowActions} actions */
function stepView(key, step, actions) {
  const isOpen = step.endedMs === null;
  const isDenied = ["deny", "expired", "cancelled"].includes(step.outcome?.decision ?? "");
  const failed = step.event.type === "agent_failed" || step.outcome?.ok === false || isDenied;
  const took = step.outcome?.elapsed_ms ?? step.event.elapsed_ms ?? (step.endedMs === null ? null : step.endedMs - step.startedMs);
  const head = [
    h("span", { class: "step-name" }, NAMES[step.kind]),
    h("span", { class: "step-text" }, ["tool", "started", "approval"].includes(step.kind) ? words(step.text) : step.text),
    outcomeBadge(step),
    h("span", { class: "step-time" }, took === null ? h("span", { class: "pulse" }, "…") : duration(took)),
  ];
  const kind = `step step-${step.kind}${isOpen ? " is-open" : ""}${failed ? " is-failed" : ""}`;
  if (step.kind !== "tool") return h("div", { class: kind, "data-step": step.event.type }, h("p", { class: "step-line" }, head));
  const details = h("details", { class: "step-fold" }, h("summary", { class: "step-line" }, head));
  const unfold = () => {
    if (details.childElementCount === 1) details.append(toolBody(step));
  };
  if (actions.unfolded.has(key)) {
    details.open = true;
    unfold();
  }
  details.addEventListener("toggle", () => {
    if (details.open) actions.unfolded.add(key);
    else actions.unfolded.delete(key);
    if (details.open) unfold();
  });
  return h("div", { class: kind, "data-step": step.event.type, "data-outcome": step.outcome?.type }, details);
}

/** @param {Step} step */
function outcomeBadge(step) {
  if (step.outcome?.ok === false) return h("span", { class: "badge bad" }, "failed");
  if (step.kind === "asked") return h("span", { class: "badge" }, answerText(step));
  if (step.kind !== "approval") return null;
  const decided = { approve: "approved", deny: "denied", cancelled: "no longer needed" };
  const text = step.outcome === null ? waitingText(step) : decided[/** @type {keyof typeof decided} */ (step.outcome.decision)];
  return h("span", { class: "badge" }, text ?? "expired");
}

/** @param {Step} step */
function waitingText(step) {
  return step.endedMs === null ? "waiting for you" : "not answered";
}

/** @param {Step} step */
function answerText(step) {
  const { outcome } = step;
  if (outcome === null) return waitingText(step);
  if (outcome.by === "expiry") return "expired";
  if (outcome.by === "agent") return "no longer needed";
  return cut(typeof outcome.answer === "string" ? outcome.answer : JSON.stringify(outcome.answer ?? null), MOST_ANSWER);
}

/** @param {Step} step */
function toolBody(step) {
  const { outcome } = step;
  const fault = outcome?.ok === false ? outcome.error : null;
  return h("div", { class: "step-body" },
    h("h4", {}, "Arguments"), valueView(step.event.arguments ?? {}),
    outcome !== null && h("h4", {}, fault ? "Error" : "Result"),
    fault && h("p", {}, fault.message, " ", fault.hint),
    outcome !== null && !fault && valueView(outcome.result));
}

/** @param {Run} run @param {RowActions} actions */
function answerView(run, actions) {
  const end = run.end;
  if (end === null) {
    return h("article", { class: "answer is-streaming", "aria-busy": "true" }, h("p", { class: "streamed" }, run.streamed));
  }
  if (end.type === "agent_completed") return completedView(run, end, actions);
  const cancelled = end.type === "agent_cancelled";
  const text = cancelled ? `Stopped${STOPPED_BY[end.by ?? ""] ?? ""}.` : (end.message ?? "The run failed.");
  return h("article", { class: "answer fault", "data-end": end.type },
    run.streamed !== "" && h("p", { class: "streamed" }, run.streamed),
    h("p", { class: "fault-text" }, text),
    end.hint && h("p", { class: "hint" }, end.hint),
    end.error_id && h("p", { class: "hint" }, "Error ID for the operator: ", h("code", {}, end.error_id)),
    (cancelled || end.retryable) && againButton(run, actions, cancelled ? "Ask again" : "Try again"));
}

/** @param {Run} run @param {RowActions} actions @param {string} text */
function againButton(run, actions, text) {
  return h("button", { type: "button", onclick: () => actions.askAgain(run) }, text);
}

/** @param {Run} run @param {RunEvent} end @param {RowActions} actions */
function completedView(run, end, actions) {
  const result = /** @type {any} */ (end.result) ?? {};
  const body = h("div", { class: "markdown" }, h("p", { class: "streamed" }, result.text ?? ""));
  void actions.html(run).then((html) => {
    showServerHtml(body, html);
    for (const table of body.querySelectorAll("table")) table.tabIndex = 0; // it scrolls sideways, by keyboard too
  }, () => {});
  const usage = end.usage ?? {};
  const tokens = (usage.input_tokens ?? 0) + (usage.output_tokens ?? 0);
  return h("article", { class: "answer", "data-end": end.type },
    body,
    isReport(result.data) && h("p", {}, h("a", { class: "button", href: reportAddress(run.id) }, "Open the report")),
    h("p", { class: "byline" },
      h("span", { title: "Duration" }, duration(end.elapsed_ms ?? 0)), " · ",
      h("span", { title: "Language model tokens" }, `${integer(tokens)} tokens`), " · ",
      h("span", { title: "Language model cost" }, money(usage.cost_usd ?? "0"))));
}
