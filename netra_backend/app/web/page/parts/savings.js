/** Where to cut: the waterfall, and every savings opportunity with low, base, high, confidence and, unfolded, its assumptions. */
import { integer, money, percent } from "../core/format.js";
import { leversOf } from "../core/report_data.js";
import { waterfall } from "../core/waterfall.js";
import { h } from "../platform/dom.js";
import { savingsWaterfall } from "./charts.js";
import { sortableTable } from "./sortable_table.js";

/** @param {any} savings */
export function savingsSection(savings) {
  if (!savings) return null;
  const { found, notFound, notAssessable } = leversOf(savings);
  const { total, month } = savings;
  return h("section", {}, h("h2", {}, "Where to cut"),
    total && h("p", { class: "total" }, h("strong", {}, money(total.base_usd)), ` could be saved (${percent(total.percent_of_bill.base)}), `
      + `between ${money(total.low_usd)} and ${money(total.high_usd)}`),
    month && h("p", {}, `At the pace of these ${month.from_days} days, thirty days cost ${money(month.bill_usd)}; `
      + `${money(month.low_usd)} to ${money(month.high_usd)} of that could be saved, ${money(month.base_usd)} in the base estimate.`),
    total && found.length > 0 && savingsWaterfall(waterfall(Number(savings.bill_usd),
      found.map((/** @type {any} */ lever) => ({ name: lever.title, usd: Number(lever.base_usd) })))),
    h("p", { class: "hint" }, total
      ? "Each opportunity applies to what the ones above it left, so the figures add up and no dollar is saved twice."
      : "Each opportunity is calculated on the whole bill; the figures overlap and must not be added up."),
    found.length > 0 ? leverTable(found) : h("p", {}, "No savings opportunities were found."),
    found.map(leverDetails),
    notFound.length > 0 && h("p", {}, "Checked, with nothing to save: ",
      notFound.map((/** @type {any} */ lever) => lever.title.toLowerCase()).join(", "), "."),
    notAssessable.length > 0 && notAssessableDetails(notAssessable));
}

/** @param {any[]} found */
function leverTable(found) {
  const usd = { isNumber: true, show: money };
  return sortableTable("Savings opportunities",
    [{ name: "Opportunity" }, { name: "Low", ...usd }, { name: "Base", ...usd }, { name: "High", ...usd },
      { name: "Share of bill (base)", isNumber: true, show: percent }, { name: "Coverage", isNumber: true, show: percent }, { name: "Confidence" }],
    found.map((lever) => [lever.title, lever.low_usd, lever.base_usd, lever.high_usd, lever.percent_of_bill.base,
      lever.coverage_percent, lever.confidence]), { file: "savings-opportunities.csv" });
}

/** @param {any} lever */
function leverDetails(lever) {
  return h("details", { class: "lever" },
    h("summary", {}, h("span", {}, lever.title), " ",
      h("span", { class: "badge" }, `${money(lever.low_usd)} – ${money(lever.high_usd)}`), " ",
      h("span", { class: "badge" }, `${lever.confidence} confidence`)),
    h("div", { class: "stack" },
      h("p", {}, h("strong", {}, "How: "), lever.formula, "."),
      h("p", {}, h("strong", {}, "Risk: "), lever.quality_risk, "."),
      lever.assumptions.length > 0 && h("div", {}, h("strong", {}, "Assumptions"),
        h("ul", { class: "value-list" }, lever.assumptions.map((/** @type {string} */ text) => h("li", {}, text)))),
      lever.top.length > 0 && sortableTable(`Largest savings: ${lever.title.toLowerCase()}`,
        [{ name: "Model" }, { name: "Feature" }, { name: "Savings", isNumber: true, show: money },
          { name: "Requests", isNumber: true, show: integer }],
        lever.top.map((/** @type {any} */ row) => [row.model, row.feature ?? "", row.usd, row.requests]))));
}

/** @param {any[]} levers */
function notAssessableDetails(levers) {
  return h("details", { class: "lever" }, h("summary", {}, `Cannot be assessed with this data: ${levers.length}`),
    sortableTable("Cannot be assessed", [{ name: "Opportunity" }, { name: "Missing data" }, { name: "What to do" }],
      levers.map((lever) => [lever.title, lever.missing.join(", "), lever.remedy])));
}
