/**
 * A table that sorts by any column, and can be taken along as CSV.
 *
 * @typedef {object} Column
 * @property {string} name
 * @property {boolean} [isNumber]
 * @property {(value: any) => string} [show]
 */
import { csv } from "../core/csv.js";
import { sorted } from "../core/sorting.js";
import { download } from "../platform/download.js";
import { h, replace } from "../platform/dom.js";

/**
 * @param {string} caption
 * @param {Column[]} columns
 * @param {unknown[][]} rows
 * @param {{file?: string, sort?: number}} [options] `file`: the name of its CSV file; `sort`: the column it is sorted by initially, highest first.
 */
export function sortableTable(caption, columns, rows, { file, sort } = {}) {
  let by = sort ?? -1;
  let isDown = true;
  const body = h("tbody");
  const heads = columns.map((column, index) => {
    const button = h("button", { type: "button", class: "sort", onclick: () => {
      isDown = by === index ? !isDown : Boolean(column.isNumber);
      by = index;
      show();
    } }, column.name);
    return h("th", { scope: "col", class: column.isNumber ? "number" : null }, button);
  });
  const show = () => {
    heads.forEach((head, index) => {
      if (index === by) head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    replace(body, sorted(rows, by, isDown).map((row) => h("tr", {}, columns.map((column, index) => {
      const text = column.show ? column.show(row[index]) : String(row[index] ?? "");
      return index === 0 ? h("th", { scope: "row" }, text) : h("td", { class: column.isNumber ? "number" : null }, text);
    }))));
  };
  show();
  return h("div", { class: "data-table" },
    h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": caption },
      h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, heads)), body)),
    file !== undefined && h("button", { type: "button", class: "quiet no-print", onclick: () =>
      download(file, "text/csv", csv(columns.map((column) => column.name), rows)) }, "Download CSV"));
}
