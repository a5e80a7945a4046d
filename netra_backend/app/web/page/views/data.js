/** The data view: upload a file, check what it was recognised as, import it completely or not at all, and delete it again. */
import { budgetText } from "../core/budget.js";
import { bytes, counted, day } from "../core/format.js";
import { importOptions, previewBytes } from "../core/import_options.js";
import { ImportForm } from "../parts/import_form.js";
import { importedView } from "../parts/imported.js";
import { Problem } from "../platform/api.js";
import { h, replace } from "../platform/dom.js";
import { upload } from "../platform/upload.js";

/** @typedef {import("../core/import_options.js").Choice} Choice */

export class DataView extends HTMLElement {
  #input = h("input", { type: "file", class: "visually-hidden", "aria-label": "Usage file" });
  #drop = h("div", { class: "drop" });
  #work = h("div", { class: "stack", "aria-live": "polite" });
  #list = h("div", { class: "stack" });
  #budget = h("p", { class: "hint" });
  /** @type {import("../platform/session.js").Session | null} */
  #session = null;
  #abort = new AbortController();

  connectedCallback() {
    if (this.childElementCount > 0) return;
    this.classList.add("room-view");
    replace(this.#drop, h("p", {}, h("strong", {}, "Drop a usage file here"), " or ",
      h("button", { type: "button", class: "primary", onclick: () => this.#input.click() }, "Choose a file")), this.#input,
      h("p", { class: "hint" }, "LiteLLM, Langfuse, OpenAI and Anthropic usage, OpenTelemetry, or any CSV, JSON Lines or Parquet with a header. "
        + "A file is imported completely or not at all, and only you can see it."));
    this.#input.addEventListener("change", () => {
      const [file] = this.#input.files ?? [];
      if (file) void this.#preview(file, {});
      this.#input.value = "";
    });
    for (const type of ["dragenter", "dragover"]) this.#drop.addEventListener(type, (event) => {
      event.preventDefault();
      this.#drop.classList.add("is-over");
    });
    for (const type of ["dragleave", "drop"]) this.#drop.addEventListener(type, () => this.#drop.classList.remove("is-over"));
    this.#drop.addEventListener("drop", (event) => {
      event.preventDefault();
      const [file] = event.dataTransfer?.files ?? [];
      if (file) void this.#preview(file, {});
    });
    replace(this, h("div", { class: "stack" }, h("h1", {}, "Usage data"), this.#drop, this.#work,
      h("section", { class: "stack", "aria-label": "Datasets" }, h("h2", {}, "Datasets"), this.#list, this.#budget)));
  }

  /** @param {import("../platform/session.js").Session} session */
  watch(session) {
    this.#abort.abort();
    this.#session = session;
    this.#work.replaceChildren();
    this.show();
  }

  show() {
    void this.#load();
    void this.#tellBudget();
  }

  get #api() {
    return /** @type {import("../platform/session.js").Session} */ (this.#session).api;
  }

  /** @param {File} file @param {Partial<Choice>} choice */
  async #preview(file, choice) {
    const part = file.slice(0, previewBytes(file.name, file.size));
    const shown = await this.#send(file, part, importOptions(file.name, choice, {}, true), "Checking");
    if (shown === null) return;
    const form = new ImportForm(file, shown.dataset ?? null, shown.error ?? null, choice);
    form.addEventListener("refresh", (event) => void this.#preview(file, /** @type {CustomEvent<Choice>} */ (event).detail));
    const recognised = choice.mapping === undefined ? (shown.dataset?.mapping ?? {}) : {}; // columns that were mapped by hand are sent again
    form.addEventListener("import", (event) => {
      void this.#import(file, /** @type {CustomEvent<Choice>} */ (event).detail, recognised);
    });
    form.addEventListener("cancel", () => this.#work.replaceChildren());
    replace(this.#work, form.element);
    form.focus();
  }

  /** @param {File} file @param {Choice} choice @param {Record<string, string>} recognised */
  async #import(file, choice, recognised) {
    const done = await this.#send(file, file, importOptions(file.name, choice, recognised, false), "Importing");
    if (done === null) return;
    replace(this.#work, importedView(file.name, done.dataset ?? null, done.error ?? null));
    await this.#load();
  }

  /**
   * @param {File} file @param {Blob} content @param {URLSearchParams} options @param {string} activity
   * @returns {Promise<{dataset?: any, error?: import("../core/types.js").ErrorInfo} | null>} `null` if the person cancelled it.
   */
  async #send(file, content, options, activity) {
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const bar = h("progress", { max: "1", value: "0", "aria-label": `${activity} ${file.name}` });
    const text = h("p", { class: "hint" }, `${activity} ${file.name} (${bytes(file.size)})`);
    replace(this.#work, h("div", { class: "card stack" }, text, bar,
      h("div", { class: "actions" }, h("button", { type: "button", onclick: () => abort.abort() }, "Cancel"))));
    const at = (/** @type {string} */ what) => (/** @type {number} */ done, /** @type {number} */ total) => {
      bar.value = total > 0 ? done / total : 0;
      text.textContent = `${what} ${file.name}: ${Math.round(bar.value * 100)} %`;
    };
    try {
      return { dataset: await upload(this.#api, content, options, { sent: at("Uploading"), read: at(activity) }, abort.signal) };
    } catch (error) {
      if (abort.signal.aborted) {
        if (this.#abort === abort) this.#work.replaceChildren();
        return null;
      }
      if (error instanceof Problem) return { error: error.info };
      throw error;
    }
  }

  async #load() {
    try {
      const { datasets } = await this.#api.get("api/usage/datasets");
      replace(this.#list, datasets.length === 0
        ? h("p", { class: "empty" }, "No data yet. Only you can see or query the data you upload.")
        : datasets.map((/** @type {any} */ each) => this.#card(each)));
    } catch (error) {
      replace(this.#list, h("p", { class: "fault-text" }, error instanceof Error ? error.message : "The datasets could not be loaded."));
    }
  }

  async #tellBudget() {
    try {
      this.#budget.textContent = budgetText(await this.#api.get("api/budget"));
    } catch {
      this.#budget.textContent = ""; // the datasets say what is wrong with the server
    }
  }

  /** @param {any} dataset */
  #card(dataset) {
    const fault = h("p", { class: "fault-text", role: "alert" });
    const name = dataset.name || dataset.dataset_id;
    const sure = h("button", { type: "button", class: "danger", hidden: true, onclick: async () => {
      try {
        await this.#api.send("DELETE", `api/usage/datasets/${encodeURIComponent(dataset.dataset_id)}`);
        await this.#load();
      } catch (error) {
        fault.textContent = error instanceof Error ? error.message : "Something went wrong.";
      }
    } }, "Delete permanently");
    const remove = h("button", { type: "button", class: "quiet", "aria-label": `Delete ${name}`, onclick: () => {
      sure.hidden = false;
      remove.hidden = true;
      sure.focus();
    } }, "Delete");
    return h("article", { class: "card dataset", "aria-label": name },
      h("div", {}, h("h3", {}, name),
        h("p", { class: "hint" }, `${dataset.format} · ${counted(dataset.rows, "row")} · ${day(dataset.first_ts)} to ${day(dataset.last_ts)}`),
        h("p", {}, dataset.generated && h("span", { class: "badge warn" }, "generated sample"), " ",
          dataset.rejected > 0 && h("span", { class: "badge warn" }, `${counted(dataset.rejected, "row")} rejected`), " ",
          dataset.priced_as && h("span", { class: "badge" }, `priced as ${dataset.priced_as}`)), fault),
      h("div", { class: "actions" }, remove, sure));
  }
}

customElements.define("netra-data", DataView);
