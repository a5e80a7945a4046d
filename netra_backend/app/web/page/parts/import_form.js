/** Shows what a file was recognised as, so that the user can confirm or correct it before anything is imported. */
import { bytes, integer, words } from "../core/format.js";
import { COLUMNS, columnLabel, missingOf } from "../core/import_options.js";
import { h } from "../platform/dom.js";
import { rejectionsView } from "./imported.js";
import { valueView } from "./value_view.js";

/** @typedef {import("../core/import_options.js").Choice} Choice */
/** @typedef {import("../core/types.js").ErrorInfo} ErrorInfo */

export class ImportForm extends EventTarget {
  #model;
  #start;
  #format;
  /** @type {Map<string, HTMLSelectElement>} */
  #columns = new Map();
  element;

  /**
   * @param {File} file @param {any} shown The preview, or `null`. @param {ErrorInfo | null} error Why there is none.
   * @param {Partial<Choice>} before
   */
  constructor(file, shown, error, before) {
    super();
    this.#model = h("input", { value: before.model ?? "", placeholder: "such as gpt-4o", maxlength: "200" });
    this.#start = h("input", { value: before.start ?? "", placeholder: "2026-01-01T00:00:00Z", maxlength: "40" });
    const formats = error?.details?.formats ?? {};
    this.#format = h("select", {}, h("option", { value: "" }, shown ? `Automatic (${words(shown.format)})` : "Automatic"),
      Object.entries(formats).map(([name, about]) => h("option", { value: name }, String(about))));
    this.#format.value = before.format ?? "";
    const headers = shown?.columns ?? error?.details?.columns ?? [];
    const mapping = { ...(shown?.mapping ?? {}), ...(before.mapping ?? {}) };
    const missing = missingOf(error);
    const refresh = h("button", { type: "button", onclick: () => this.#submit("refresh") }, "Refresh");
    this.element = h("form", { class: "card stack", "aria-label": `Import ${file.name}`, onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit(shown ? "import" : "refresh");
    } },
      h("h2", { tabindex: "-1" }, file.name, " ", h("span", { class: "badge" }, bytes(file.size))),
      shown ? recognised(shown) : errorView(error, headers.length > 0),
      headers.length > 0 && this.#mappingView(headers, mapping, shown === null),
      h("div", { class: "fields" },
        Object.keys(formats).length > 0 && h("label", {}, "Format", this.#format),
        (missing === "model" || shown?.priced_as || before.model) && h("label", {}, "Price rows as", this.#model),
        (missing === "start" || before.start) && h("label", {}, "Start of the trace", this.#start)),
      shown && rejectionsView(shown.of_the_first_records, " in the preview"),
      shown?.first_rows?.length > 0 && h("details", {}, h("summary", {}, "Preview of the first rows"), valueView(shown.first_rows)),
      h("div", { class: "actions" }, h("button", { type: "button", class: "quiet", onclick: () => this.#submit("cancel") }, "Cancel"), refresh,
        shown && h("button", { class: "primary" }, "Import")));
  }

  focus() {
    /** @type {HTMLElement | null} */ (this.element.querySelector("h2"))?.focus();
  }

  /** @param {string[]} headers @param {Record<string, string>} mapping @param {boolean} open */
  #mappingView(headers, mapping, open) {
    const rows = COLUMNS.map((column) => {
      const select = h("select", { "aria-label": `Column for ${columnLabel(column)}` }, h("option", { value: "" }, "–"),
        headers.map((header) => h("option", { value: header }, header)));
      select.value = headers.includes(mapping[column]) ? mapping[column] : "";
      this.#columns.set(column, select);
      return h("tr", {}, h("th", { scope: "row" }, columnLabel(column)), h("td", {}, select));
    });
    const used = Object.values(mapping).filter((header) => header !== "").length;
    return h("details", { open }, h("summary", {}, `Columns: ${used} of ${integer(headers.length)} are used`),
      h("div", { class: "table-frame" }, h("table", {},
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Field"), h("th", { scope: "col" }, "Column in the file"))),
        h("tbody", {}, rows))));
  }

  /** @param {"refresh" | "import" | "cancel"} type */
  #submit(type) {
    const mapping = Object.fromEntries([...this.#columns].map(([column, select]) => [column, select.value]));
    this.dispatchEvent(new CustomEvent(type, {
      detail: { format: this.#format.value, model: this.#model.value, start: this.#start.value, mapping },
    }));
  }
}

/** @param {any} shown */
function recognised(shown) {
  return h("div", { class: "stack" },
    h("p", {}, "Recognised as ", h("strong", {}, words(shown.format)), shown.layout && ` (${words(shown.layout)})`, ": ", shown.reason, "."),
    shown.priced_as && h("p", { class: "note" }, `The file names no model. Its rows will be priced as ${shown.priced_as}.`),
    (shown.notes ?? []).map((/** @type {string} */ text) => h("p", { class: "note" }, text)));
}

/** @param {ErrorInfo | null} error @param {boolean} canMap */
function errorView(error, canMap) {
  const hint = missingOf(error) ? "Fill it in below, then refresh." : canMap ? "Assign the columns below, then refresh." : error?.hint;
  return h("div", { class: "fault", role: "alert" }, h("p", { class: "fault-text" }, error?.message ?? "The file could not be read."),
    hint && h("p", { class: "hint" }, hint));
}
