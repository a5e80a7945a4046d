/**
 * What a close code asks for. One rule holds: 4500 to 4599 do not come back, everything else does; some say that the sign-in
 * is no longer good, and then coming back needs another one.
 *
 * @typedef {"reconnect" | "sign_in" | "stop"} Next
 */

const OF_SIGN_IN = new Set([4401, 4402, 4501, 4503, 4504]);

/**
 * @param {number} code
 * @returns {Next}
 */
export function afterClose(code) {
  if (OF_SIGN_IN.has(code)) return "sign_in";
  return code >= 4500 && code <= 4599 ? "stop" : "reconnect";
}

/** @type {Record<number, string>} */
const SAID = {
  4401: "Your sign-in has expired.",
  4402: "The sign-in did not arrive in time.",
  4501: "The server does not take this sign-in.",
  4503: "This sign-in was revoked.",
  4504: "This sign-in is of another user.",
  4510: "This page sent frames that the server does not know. Reload it.",
  4530: "The server closed this connection to keep users apart. Reload the page.",
};

/**
 * @param {number} code
 * @param {string} reason
 */
export function closeTold(code, reason) {
  return SAID[code] ?? `The server ended the connection (${code}${reason ? `, ${reason}` : ""}).`;
}
