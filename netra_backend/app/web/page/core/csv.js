/** Tables as CSV (RFC 4180), safe against formula injection in spreadsheets. */

const NUMBER = /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/;
const FORMULA = /^[=+\-@\t\r]/;

/** @param {unknown} value */
function cell(value) {
  if (value === null || value === undefined) return "";
  let text = String(value);
  if (FORMULA.test(text) && !NUMBER.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {readonly string[]} header
 * @param {readonly (readonly unknown[])[]} rows
 */
export function csv(header, rows) {
  return [header, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
