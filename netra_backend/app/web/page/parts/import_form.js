/** What a file was recognised as, for the person to confirm or to put right before anything is imported. */
import { bytes, integer, words } from "../core/format.js";
import { COLUMNS, missingOf } from "../core/import_told.js";
import { h } from "../platform/dom.js";
import { rejectionsView } from "./imported.js";
import { valueView } from "./value_view.js";

/** @typedef {import("../core/import_told.js").Choice} Choice */
/** @typedef {import("../core/types.js").Told} Told */

export class ImportForm extends EventTarget {
  #model;
  #start;
  #format;
  /** @type {Map<string, HTMLSelectElement>} */
  #columns = new Map();
  element;

  /** @param {File} file @param {any} shown The preview, or `null`. @param {Told | null} told Why there is none. @param {Partial<Choice>} before */
  constructor(file, shown, told, before) {
    super();
    this.#model = h("input", { value: before.model ?? "", placeholder: "such as gpt-4o", maxlength: "200" });
    this.#start = h("input", { value: before.start ?? "", placeholder: "2026-01-01T00:00:00Z", maxlength: "40" });
    const formats = told?.details?.formats ?? {};
    this.#format = h("select", {}, h("option", { value: "" }, shown ? `as recognised (${shown.format})` : "recognise it"),
      Object.entries(formats).map(([name, about]) => h("option", { value: name }, String(about))));
    this.#format.value = before.format ?? "";
    const headers = shown?.columns ?? told?.details?.columns ?? [];
    const mapping = { ...(shown?.mapping ?? {}), ...(before.mapping ?? {}) };
    const missing = missingOf(told);
    const again = h("button", { type: "button", onclick: () => this.#tell("again") }, "Look again");
    this.element = h("form", { class: "card stack", "aria-label": `Import ${file.name}`, onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#tell(shown ? "import" : "again");
    } },
      h("h2", { tabindex: "-1" }, file.name, " ", h("span", { class: "badge" }, bytes(file.size))),
      shown ? recognised(shown) : faultView(told, headers.length > 0),
      headers.length > 0 && this.#mappingView(headers, mapping, shown === null),
      h("div", { class: "fields" },
        Object.keys(formats).length > 0 && h("label", {}, "Format", this.#format),
        (missing === "model" || shown?.priced_as || before.model) && h("label", {}, "Price the rows as", this.#model),
        (missing === "start" || before.start) && h("label", {}, "The trace began", this.#start)),
      shown && rejectionsView(shown.of_the_first_records, " of the first ones"),
      shown?.first_rows?.length > 0 && h("details", {}, h("summary", {}, "The first rows, as they would be imported"), valueView(shown.first_rows)),
      h("div", { class: "actions" }, h("button", { type: "button", class: "quiet", onclick: () => this.#tell("cancel") }, "Leave it"), again,
        shown && h("button", { class: "primary" }, "Import")));
  }

  focus() {
    /** @type {HTMLElement | null} */ (this.element.querySelector("h2"))?.focus();
  }

  /** @param {string[]} headers @param {Record<string, string>} mapping @param {boolean} open */
  #mappingView(headers, mapping, open) {
    const rows = COLUMNS.map((column) => {
      const select = h("select", { "aria-label": `Header for ${words(column)}` }, h("option", { value: "" }, "–"),
        headers.map((header) => h("option", { value: header }, header)));
      select.value = headers.includes(mapping[column]) ? mapping[column] : "";
      this.#columns.set(column, select);
      return h("tr", {}, h("th", { scope: "row" }, words(column)), h("td", {}, select));
    });
    const used = Object.values(mapping).filter((header) => header !== "").length;
    return h("details", { open }, h("summary", {}, `Columns: ${used} of ${integer(headers.length)} headers are used`),
      h("div", { class: "table-frame" }, h("table", {},
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "What it is"), h("th", { scope: "col" }, "Header in the file"))),
        h("tbody", {}, rows))));
  }

  /** @param {"again" | "import" | "cancel"} type */
  #tell(type) {
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
    shown.priced_as && h("p", { class: "note" }, `It names no model; it would be priced as ${shown.priced_as}.`),
    (shown.notes ?? []).map((/** @type {string} */ text) => h("p", { class: "note" }, text)));
}

/** @param {Told | null} told @param {boolean} canMap */
function faultView(told, canMap) {
  const hint = missingOf(told) ? "Say it below, and look again." : canMap ? "Say below which header is what, and look again." : told?.hint;
  return h("div", { class: "fault", role: "alert" }, h("p", { class: "fault-text" }, told?.message ?? "It cannot be read."),
    hint && h("p", { class: "hint" }, hint));
}
