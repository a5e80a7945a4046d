/**
 * What to do after a close code. One rule: reconnect, except after 4500 to 4599. Some codes mean that the sign-in is no longer
 * valid; reconnecting then needs a new one.
 *
 * @typedef {"reconnect" | "sign_in" | "stop"} Next
 */

const NEEDS_SIGN_IN = new Set([4401, 4402, 4501, 4503, 4504]);

/**
 * @param {number} code
 * @returns {Next}
 */
export function afterClose(code) {
  if (NEEDS_SIGN_IN.has(code)) return "sign_in";
  return code >= 4500 && code <= 4599 ? "stop" : "reconnect";
}

/** @type {Record<number, string>} */
const MESSAGES = {
  4401: "Your sign-in has expired.",
  4402: "The sign-in did not arrive in time.",
  4403: "A clock is off: your sign-in is not valid yet.",
  4501: "The server does not accept this sign-in.",
  4503: "This sign-in was revoked.",
  4504: "This sign-in belongs to another user.",
  4510: "This page does not match the server’s version. Reload the page.",
  4530: "The server closed this connection to protect users’ data. Reload the page.",
};

/**
 * @param {number} code
 * @param {string} reason
 */
export function closeMessage(code, reason) {
  return MESSAGES[code] ?? `The server closed the connection (${code}${reason ? `, ${reason}` : ""}).`;
}
