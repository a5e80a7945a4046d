/** The cost report, of the user's current data or of one run: charts, each with its table, and the buttons to export it. */
import { csv } from "../core/csv.js";
import { integer, money, percent, unitPrice, words } from "../core/format.js";
import { DIMENSIONS, NO_NAME, daysOf, nameOf, splitRows } from "../core/report_data.js";
import { reportOf } from "../core/result_report.js";
import { threadAddress } from "../core/route.js";
import { dayColumns, nameBars } from "../parts/charts.js";
import { savingsSection } from "../parts/savings.js";
import { sortableTable } from "../parts/sortable_table.js";
import { Problem } from "../platform/api.js";
import { download } from "../platform/download.js";
import { h, replace } from "../platform/dom.js";
import { standaloneHtml } from "../platform/standalone.js";

/**
 * @typedef {import("../core/report_data.js").Report} Report
 *
 * @typedef {object} Found A report and where it comes from.
 * @property {Report} report
 * @property {unknown} data What the JSON export holds.
 * @property {() => string | Promise<string>} markdown
 * @property {number} madeMs
 * @property {Node} back
 */

const CURRENT = "api/usage/report";
const MOST_BARS = 12;

export class ReportView extends HTMLElement {
  /** @type {import("../platform/session.js").Session | null} */
  #session = null;
  /** The run whose report is shown, `null` for the data as it is now. @type {string | null | undefined} */
  #run;
  #readings = 0;

  /** @param {import("../platform/session.js").Session} session */
  watch(session) {
    this.#session = session;
    this.#run = undefined;
    this.#readings += 1;
    this.classList.add("room-view");
  }

  /** @param {any} route */
  show(route) {
    if (route.run !== null && route.run === this.#run) return;
    this.#run = route.run;
    void this.#read(route.run);
  }

  /** @param {string | null} runId */
  async #read(runId) {
    const reading = (this.#readings += 1);
    replace(this, h("p", { class: "empty" }, "Loading…"));
    try {
      const found = await (runId === null ? this.#current() : this.#ofRun(runId));
      if (reading !== this.#readings) return;
      if (found === null) replace(this, h("p", { class: "empty" }, "This run has no result."));
      else this.#show(found);
    } catch (error) {
      if (reading !== this.#readings) return;
      const info = error instanceof Problem ? error.info : null;
      replace(this, h("div", { class: "fault" }, h("h1", {}, "Report not available"),
        h("p", {}, info?.message ?? "The report could not be loaded."), info?.hint && h("p", { class: "hint" }, info.hint),
        info?.code === "NO_DATA" && h("p", {}, h("a", { class: "button", href: "#/data" }, "Upload usage data"))));
      this.#run = undefined;
    }
  }

  get #api() {
    return /** @type {import("../platform/session.js").Session} */ (this.#session).api;
  }

  /** @returns {Promise<Found>} */
  async #current() {
    const api = this.#api;
    const report = await api.get(CURRENT);
    return { report, data: report, markdown: () => api.text(CURRENT, "text/markdown"), madeMs: Date.now(),
      back: h("a", { href: "#/data" }, "← Back to the data") };
  }

  /** @param {string} runId @returns {Promise<Found | null>} `null` if the run has no result. */
  async #ofRun(runId) {
    const run = await this.#api.get(`api/runs/${encodeURIComponent(runId)}`);
    const end = run.events.find((/** @type {any} */ event) => event.type === "agent_completed");
    return end === undefined ? null : { report: reportOf(end.result.data), data: end.result.data, markdown: () => end.result.text,
      madeMs: run.created_ms, back: h("a", { href: threadAddress(run.thread_id) }, "← Back to the conversation") };
  }

  /** @param {Found} found */
  #show({ report, data, markdown, madeMs, back }) {
    const paper = h("article", { class: "report" }, headSection(report), daySection(report), ...splitSections(report),
      savingsSection(report.savings), forecastSection(report.forecast), notesSection(report));
    const name = `netra-report-${new Date(madeMs).toISOString().slice(0, 10)}`;
    const fault = h("p", { class: "fault-text", role: "alert" });
    const exports = {
      Markdown: async () => {
        try {
          download(`${name}.md`, "text/markdown", await markdown());
        } catch (error) {
          fault.textContent = error instanceof Error ? error.message : "Something went wrong.";
        }
      },
      JSON: () => download(`${name}.json`, "application/json", JSON.stringify(data, null, 2)),
      HTML: async () => download(`${name}.html`, "text/html", await standaloneHtml(paper, "LLM cost report")),
      CSV: () => {
        const { header, rows } = splitRows(report);
        download(`${name}.csv`, "text/csv", csv(header, rows));
      },
    };
    replace(this, h("div", { class: "report-bar no-print" }, back,
      h("div", { class: "actions", role: "group", "aria-label": "Export" },
        Object.entries(exports).map(([kind, act]) => h("button", { type: "button", onclick: act }, kind)),
        h("button", { type: "button", onclick: () => print() }, "Print")), fault), paper);
  }
}

/** @param {Report} report */
function headSection(report) {
  const { summary } = report;
  const title = h("h1", {}, "Where the money goes, and where to cut");
  if (!summary) return h("header", { class: "stack" }, title);
  const { period, unpriced, reported } = summary;
  const made = summary.datasets.filter((/** @type {any} */ each) => each.generated);
  return h("header", { class: "stack" }, title,
    h("p", { class: "total" }, h("strong", {}, money(summary.total_usd)), " at list prices for ", integer(summary.requests),
      ` requests, ${period.from.slice(0, 10)} to ${period.to.slice(0, 10)}`),
    made.map((/** @type {any} */ each) => note(`${each.name} is generated sample data: nobody paid these costs.`)),
    unpriced.rows > 0 && note(`${integer(unpriced.rows)} rows (${percent(unpriced.rows_percent)}) with ${percent(unpriced.tokens_percent)}`
      + ` of the tokens have no list price and are not in the bill: ${unpriced.models.map((/** @type {any} */ each) => each.model).join(", ")}.`),
    reported && note(`The source reported ${money(reported.usd)}; at list prices these rows cost ${money(reported.list_price_usd)}:`
      + ` a difference of ${money(reported.gap_usd)} (${percent(reported.gap_percent)}).`),
    units(summary.unit_economics));
}

/** @param {string} text */
const note = (text) => h("p", { class: "note" }, text);

/** @param {any} unit */
function units(unit) {
  const figures = [
    ["Per request", unitPrice(unit.per_request_usd)], ["Per successful request", unitPrice(unit.per_success_usd)],
    ["Per session", unitPrice(unit.per_session_usd)], ["Read from cache", percent(unit.cache_hit_percent)], ["Failed", percent(unit.failure_percent)],
  ];
  return h("dl", { class: "units" }, figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** @param {Report} report */
function daySection(report) {
  const days = daysOf(report);
  if (days.length < 2) return null;
  const jumps = days.filter((each) => each.anomaly);
  const unit = report.anomalies?.unit ?? "day";
  return h("section", {}, h("h2", {}, `Spend by ${unit === "hour" ? "hour" : "day"}`),
    h("p", { class: "key" }, h("span", { class: "key-bar" }), "spent ", h("span", { class: "key-line" }), "expected ",
      h("span", { class: "key-mark" }, "▲"), "anomaly"),
    dayColumns(days),
    jumps.length > 0 && h("ul", { class: "jumps" }, jumps.map(({ anomaly }) => h("li", {}, h("strong", {}, anomaly.at),
      `: ${money(anomaly.usd)} instead of ${money(anomaly.expected_usd)} (${percent(anomaly.percent)}): `,
      anomaly.explained_by.map((/** @type {any} */ part) => `${part.part} ${money(part.usd)}`).join(", "), largestParts(anomaly.top)))),
    folded("Daily figures as a table", sortableTable("Spend by day",
      [{ name: "Day" }, { name: "Spent", isNumber: true, show: money }, { name: "Expected", isNumber: true, show: money },
        { name: "Requests", isNumber: true, show: integer }, { name: "Anomaly" }],
      days.map((each) => [each.day, each.usd, each.expected, each.requests, each.anomaly?.direction ?? ""]), { file: "spend-by-day.csv" })));
}

/** @param {any} top */
function largestParts(top) {
  const parts = Object.entries(top ?? {}).map(([name, part]) => `${name} ${part ?? NO_NAME}`);
  return parts.length === 0 ? "" : `; mostly in ${parts.join(", ")}`;
}

/** @param {string} summary @param {Node} content */
function folded(summary, content) {
  return h("details", {}, h("summary", {}, summary), content);
}

/** @param {Report} report */
function splitSections(report) {
  const splits = report.summary?.breakdowns ?? {};
  return DIMENSIONS.flatMap(({ key, title }) => {
    const rows = splits[key] ?? [];
    if (rows.length === 0 || (rows.length === 1 && (rows[0].key === null || key === "dataset"))) return [];
    const bars = rows.slice(0, MOST_BARS).map((/** @type {any} */ row) => ({ name: nameOf(report, key, row.key), usd: Number(row.usd) }));
    const columns = [{ name: words(key[0].toUpperCase() + key.slice(1)) }, { name: "Cost", isNumber: true, show: money },
      { name: "Share", isNumber: true, show: percent }, { name: "Requests", isNumber: true, show: integer },
      { name: "Input tokens", isNumber: true, show: integer }, { name: "Output tokens", isNumber: true, show: integer }];
    return [h("section", {}, h("h2", {}, title), nameBars(title, bars),
      sortableTable(title, columns, rows.map((/** @type {any} */ row) => [nameOf(report, key, row.key), row.usd, row.percent,
        row.requests, row.input_tokens, row.output_tokens]), { file: `spend-by-${key}.csv`, sort: 1 }))];
  });
}

/** @param {any} forecast */
function forecastSection(forecast) {
  if (!forecast) return null;
  const { budget } = forecast;
  return h("section", {}, h("h2", {}, `End of ${forecast.month}`),
    h("p", {}, h("strong", {}, money(forecast.base_usd)), `, between ${money(forecast.low_usd)} and ${money(forecast.high_usd)}; `
      + `${money(forecast.so_far_usd)} so far, ${forecast.days_left} days left.`),
    budget && h("p", {}, `Budget ${money(budget.usd)}: ${budget.verdict}; the base forecast leaves ${money(budget.left_in_base_usd)}.`),
    h("p", { class: "hint" }, forecast.method));
}

/** @param {Report} report */
function notesSection(report) {
  const prices = report.summary?.prices;
  return h("footer", { class: "stack" },
    (report.notes ?? []).length > 0 && h("ul", { class: "value-list" }, (report.notes ?? []).map((text) => h("li", {}, text))),
    prices && h("p", { class: "hint" }, `Prices: ${prices.list} ${prices.version}; each request is priced by its date.`));
}

customElements.define("netra-report", ReportView);
