/**
 * The form that a question's JSON Schema asks for, and the answer that a filled form is. The server judges the answer: here is only
 * what a person needs to give one.
 *
 * @typedef {object} Field
 * @property {string} name The property's; empty if the answer is this value itself.
 * @property {string} label
 * @property {"text" | "number" | "yes_no" | "choice" | "json"} kind
 * @property {unknown[]} choices
 * @property {boolean} required
 * @property {string} hint
 */
import { words } from "./format.js";

const MOST_FIELDS = 20;
const KINDS = /** @type {Record<string, Field["kind"]>} */ ({ string: "text", number: "number", integer: "number", boolean: "yes_no" });

/** @param {any} schema The schema, or `null`: then any text is an answer. @returns {Field[]} */
export function fieldsOf(schema) {
  if (schema === null || schema === undefined) return [{ name: "", label: "Your answer", kind: "text", choices: [], required: false, hint: "" }];
  const properties = Object.entries(schema.properties ?? {});
  const required = Array.isArray(schema.required) ? schema.required : [];
  if (schema.type === "object" && properties.length > 0 && properties.length <= MOST_FIELDS) {
    const fields = properties.map(([name, each]) => field(name, each, required.includes(name)));
    if (fields.every((each) => each.kind !== "json")) return fields;
  }
  return [{ ...field("", schema, true), label: schema.title ?? "Your answer" }];
}

/** @param {string} name @param {any} schema @param {boolean} required @returns {Field} */
function field(name, schema, required) {
  const choices = Array.isArray(schema?.enum) ? schema.enum : [];
  const kind = choices.length > 0 ? "choice" : (KINDS[schema?.type] ?? "json");
  return { name, label: schema?.title ?? sentence(words(name)), kind, choices, required, hint: schema?.description ?? "" };
}

/** @param {string} text */
function sentence(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** How a choice is shown. @param {unknown} choice */
export function choiceText(choice) {
  return typeof choice === "string" ? choice : JSON.stringify(choice);
}

/**
 * The answer that the values are, in the order of the fields: what was typed, the number of the choice, or whether it was ticked.
 * Throws an `Error` for people where it is none.
 * @param {Field[]} fields @param {(string | boolean)[]} values @returns {unknown}
 */
export function answerOf(fields, values) {
  if (fields.length === 1 && fields[0].name === "") return valueOf(fields[0], values[0]);
  const given = fields.map((each, at) => [each.name, valueOf(each, values[at])]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** @param {Field} field @param {string | boolean} value */
function valueOf(field, value) {
  if (typeof value === "boolean") return value;
  const isEmpty = value.trim() === "";
  if (isEmpty && !field.required && field.name !== "") return undefined;
  if (field.kind === "choice") {
    if (isEmpty) throw new Error(`Choose: ${field.label}.`);
    return field.choices[Number(value)];
  }
  if (field.kind === "number") {
    const number = Number(value);
    if (isEmpty || !Number.isFinite(number)) throw new Error(`${field.label}: a number is needed.`);
    return number;
  }
  if (field.kind === "json") {
    try {
      return JSON.parse(value);
    } catch {
      throw new Error(`${field.label}: this is no JSON.`);
    }
  }
  return value;
}
