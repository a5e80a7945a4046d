/**
 * A JSON value for people to read: lists of records as tables, records as pairs, text as text. Everything is bounded, and the
 * view says how much it leaves out.
 */
import { cut, integer, words } from "../core/format.js";
import { h } from "../platform/dom.js";

const MOST_ROWS = 50;
const MOST_COLUMNS = 10;
const MOST_PAIRS = 60;
const MOST_TEXT = 2000;
const DEEPEST = 5;

/** @param {unknown} value @param {number} [depth] @returns {Node} */
export function valueView(value, depth = 0) {
  if (value === null || value === undefined) return h("span", { class: "nothing" }, "none");
  if (typeof value === "boolean") return h("span", {}, value ? "yes" : "no");
  if (typeof value === "number") return h("span", { class: "number" }, Number.isInteger(value) ? integer(value) : String(value));
  if (typeof value === "string") return h("span", { class: "text-value" }, cut(value, MOST_TEXT));
  if (depth >= DEEPEST) return h("code", { class: "text-value" }, cut(JSON.stringify(value), MOST_TEXT));
  if (Array.isArray(value)) return listView(value, depth);
  return pairsView(/** @type {Record<string, unknown>} */ (value), depth);
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown[]} list @param {number} depth */
function listView(list, depth) {
  if (list.length === 0) return h("span", { class: "nothing" }, "none");
  if (list.every(isRecord)) return tableView(/** @type {Record<string, unknown>[]} */ (list), depth);
  if (list.every((each) => !isRecord(each) && !Array.isArray(each))) {
    return h("span", { class: "text-value" }, list.slice(0, MOST_ROWS).map(String).join(", "), more(list.length));
  }
  const items = list.slice(0, MOST_ROWS).map((each) => h("li", {}, valueView(each, depth + 1)));
  return h("div", {}, h("ul", { class: "value-list" }, items), more(list.length));
}

/** @param {Record<string, unknown>[]} rows @param {number} depth */
function tableView(rows, depth) {
  const shown = rows.slice(0, MOST_ROWS);
  const columns = [...new Set(shown.flatMap((row) => Object.keys(row)))].slice(0, MOST_COLUMNS);
  return h("div", {},
    h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": "Table, scrolls sideways" },
      h("table", { class: "plain-table" },
        h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, words(name))))),
        h("tbody", {}, shown.map((row) => h("tr", {}, columns.map((name) => h("td", {}, valueView(row[name], depth + 2))))))),
    ),
    more(rows.length));
}

/** @param {Record<string, unknown>} record @param {number} depth */
function pairsView(record, depth) {
  const names = Object.keys(record);
  if (names.length === 0) return h("span", { class: "nothing" }, "none");
  return h("dl", { class: "pairs" }, names.slice(0, MOST_PAIRS).map((name) =>
    h("div", {}, h("dt", {}, words(name)), h("dd", {}, valueView(record[name], depth + 1)))),
  );
}

/** @param {number} count */
function more(count) {
  return count > MOST_ROWS && h("p", { class: "more" }, `and ${integer(count - MOST_ROWS)} more`);
}
