/** What an import came to: rows that were taken, rows that were not, and why. */
import { counted, integer, words } from "../core/format.js";
import { h } from "../platform/dom.js";
import { valueView } from "./value_view.js";

/** @param {string} name @param {any} dataset @param {import("../core/types.js").Told | null} told */
export function importedView(name, dataset, told) {
  if (dataset === null) {
    return h("div", { class: "fault", role: "alert" }, h("h2", {}, `${name} was not imported`),
      h("p", { class: "fault-text" }, told?.message ?? "It cannot be read."), told?.hint && h("p", { class: "hint" }, told.hint),
      told?.details && h("details", {}, h("summary", {}, "Details"), valueView(told.details)));
  }
  return h("div", { class: "card stack" },
    h("h2", {}, dataset.already_imported ? `${name} was imported before` : `${name} is imported`),
    h("p", {}, `${counted(dataset.accepted ?? dataset.rows, "row")} taken as ${words(dataset.format)}: ${integer(dataset.input_tokens)} tokens in, `
      + `${integer(dataset.output_tokens)} out.`),
    rejectionsView(dataset, ""),
    h("p", {}, h("a", { class: "button", href: "#/" }, "Ask about it")));
}

/** @param {any} counts @param {string} of */
export function rejectionsView(counts, of) {
  if (!counts) return null;
  const { rejected = 0, rejections = [], skipped = [] } = counts;
  return h("div", { class: "stack" },
    h("p", {}, rejected === 0 ? `No row was rejected${of}.` : `${counted(rejected, "row")} rejected${of}:`),
    rejections.length > 0 && valueView(rejections),
    skipped.length > 0 && h("details", {}, h("summary", {}, "What was left out on purpose"), valueView(skipped)));
}
