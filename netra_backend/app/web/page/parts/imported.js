/** The result of an import: rows imported, rows rejected, and why. */
import { counted, integer, words } from "../core/format.js";
import { h } from "../platform/dom.js";
import { valueView } from "./value_view.js";

/** @param {string} name @param {any} dataset @param {import("../core/types.js").ErrorInfo | null} error */
export function importedView(name, dataset, error) {
  if (dataset === null) {
    return h("div", { class: "fault", role: "alert" }, h("h2", {}, `${name} was not imported`),
      h("p", { class: "fault-text" }, error?.message ?? "The file could not be read."), error?.hint && h("p", { class: "hint" }, error.hint),
      error?.details && h("details", {}, h("summary", {}, "Details"), valueView(error.details)));
  }
  return h("div", { class: "card stack" },
    h("h2", {}, dataset.already_imported ? `${name} was already imported` : `${name} was imported`),
    h("p", {}, `${counted(dataset.accepted ?? dataset.rows, "row")} imported as ${words(dataset.format)}: `
      + `${integer(dataset.input_tokens)} input tokens, ${integer(dataset.output_tokens)} output tokens.`),
    rejectionsView(dataset, ""),
    h("p", {}, h("a", { class: "button", href: "#/" }, "Ask about this data")));
}

/** @param {any} counts @param {string} where Ends the sentence, such as " in the preview". */
export function rejectionsView(counts, where) {
  if (!counts) return null;
  const { rejected = 0, rejections = [], skipped = [] } = counts;
  return h("div", { class: "stack" },
    h("p", {}, rejected === 0 ? `No rows were rejected${where}.` : `${counted(rejected, "row")} rejected${where}:`),
    rejections.length > 0 && valueView(rejections),
    skipped.length > 0 && h("details", {}, h("summary", {}, "Rows skipped on purpose"), valueView(skipped)));
}
