/** The form of one question: a field for each property of its schema, or one text box. */
import { answerOf, choiceText, fieldsOf } from "../core/answer_fields.js";
import { h } from "../platform/dom.js";

/** @typedef {import("../core/answer_fields.js").Field} Field */

/**
 * @param {any} schema @param {string} text @param {(answer: unknown) => Promise<unknown>} send Rejects with what is wrong.
 * @returns {HTMLFormElement}
 */
export function answerForm(schema, text, send) {
  const fields = fieldsOf(schema);
  const inputs = fields.map((field) => input(field));
  const fault = h("p", { class: "fault-text", role: "alert" });
  const button = h("button", { class: "primary" }, "Answer");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    button.disabled = true;
    fault.textContent = "";
    try {
      await send(answerOf(fields, inputs.map(valueIn)));
    } catch (error) {
      fault.textContent = error instanceof Error ? error.message : "Something went wrong.";
      button.disabled = false;
    }
  };
  return h("form", { class: "answer-form", "aria-label": text, onsubmit: submit, novalidate: true },
    fields.map((field, at) => h("label", { class: field.kind === "yes_no" ? "check" : "field" },
      field.kind === "yes_no" ? [inputs[at], field.label] : [field.label, inputs[at]],
      field.hint !== "" && h("span", { class: "hint" }, field.hint))),
    fault, h("div", { class: "actions" }, button));
}

/** @param {Field} field @returns {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} */
function input(field) {
  if (field.kind === "yes_no") return h("input", { type: "checkbox" });
  if (field.kind === "choice") {
    return h("select", {}, h("option", { value: "" }, "–"),
      field.choices.map((choice, at) => h("option", { value: String(at) }, choiceText(choice))));
  }
  if (field.kind === "number") return h("input", { inputmode: "decimal", autocomplete: "off" });
  return h("textarea", { rows: field.kind === "json" ? "4" : "1", placeholder: field.kind === "json" ? "JSON" : "" });
}

/** @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} element */
function valueIn(element) {
  return element.type === "checkbox" ? /** @type {HTMLInputElement} */ (element).checked : element.value;
}
