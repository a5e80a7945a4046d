/**
 * What to do after a close code or an HTTP status, as the server's catalogue of errors has it (`error_table.js`). One rule: reconnect,
 * except after 4500 to 4599. Some codes mean that the sign-in is no longer valid; going on then needs a new one.
 *
 * @typedef {"reconnect" | "sign_in" | "stop"} Next
 */
import { CLOSES, FINAL_CODES, TRANSIENT_STATUSES } from "./error_table.js";

/**
 * A page has no way to a new token by itself, so an expired one needs a sign-in as well.
 * @param {number} code
 * @returns {Next}
 */
export function afterClose(code) {
  const next = CLOSES[code]?.next ?? (code >= FINAL_CODES[0] && code <= FINAL_CODES[1] ? "stop" : "reconnect");
  return next === "renew" ? "sign_in" : next;
}

/**
 * @param {number} status Of an HTTP response; 0 if there was none.
 * @param {string} error The id of the catalogue that the response names.
 * @returns {Next}
 */
export function afterStatus(status, error) {
  const close = Object.entries(CLOSES).find(([, each]) => each.error === error && each.status === status);
  if (close !== undefined) return afterClose(Number(close[0]));
  if (status === 0 || TRANSIENT_STATUSES.includes(status)) return "reconnect";
  return status === 401 ? "sign_in" : "stop";
}

/**
 * What happened, in words.
 * @param {number} code
 * @param {string} reason
 */
export function closeMessage(code, reason) {
  const text = CLOSES[code]?.text;
  if (afterClose(code) === "reconnect") return text ?? "Connection lost.";
  const told = text ?? `The server closed the connection (${code}${reason ? `, ${reason}` : ""}).`;
  return afterClose(code) === "stop" ? `${told} Reload the page.` : told;
}
