/**
 * Generated from the server's catalogue of errors; do not edit. After a change of the catalogue, write it anew with
 * `python -m netra_backend.app.web.documents.error_table`; a test compares the two.
 *
 * @typedef {"reconnect" | "renew" | "sign_in" | "stop"} Next
 * @typedef {{text: string, hint: string}} Words
 */

/** By close code. @type {Record<number, {error: string, status: number, text: string, next: Next}>} */
export const CLOSES = {
  4401: {"error": "token_expired", "status": 401, "text": "The token has expired.", "next": "renew"},
  4402: {"error": "auth_timeout", "status": 401, "text": "No token arrived in time.", "next": "reconnect"},
  4403: {"error": "token_not_yet_valid", "status": 401, "text": "The token is not valid yet: a clock is off.", "next": "reconnect"},
  4408: {"error": "slow_consumer", "status": 503, "text": "This connection reads too slowly.", "next": "reconnect"},
  4409: {"error": "no_pong", "status": 503, "text": "The client did not answer a ping in time.", "next": "reconnect"},
  4410: {"error": "position_lost", "status": 409, "text": "The client is ahead of the server's history.", "next": "reconnect"},
  4411: {"error": "connection_limit", "status": 429, "text": "Too many connections.", "next": "reconnect"},
  4429: {"error": "rate_limited", "status": 429, "text": "Too many requests.", "next": "reconnect"},
  4501: {"error": "unauthenticated", "status": 401, "text": "You are not signed in, or your token is not valid.", "next": "sign_in"},
  4503: {"error": "revoked", "status": 401, "text": "This sign-in was revoked.", "next": "sign_in"},
  4504: {"error": "user_mismatch", "status": 403, "text": "The address names a different user than the token.", "next": "sign_in"},
  4510: {"error": "too_many_faults", "status": 400, "text": "Too many invalid frames.", "next": "stop"},
  4530: {"error": "cross_user_delivery", "status": 500, "text": "An event was about to reach another user and was stopped.", "next": "stop"},
};

/** The first and the last code after which nobody reconnects. @type {[number, number]} */
export const FINAL_CODES = [4500, 4599];

/** Errors of a message itself: it is never sent again. @type {Record<string, Words>} */
export const MESSAGE_FAULTS = {
  invalid_frame: {"text": "The fields of the request are not valid.", "hint": "See /asyncapi.json for the fields of each frame."},
  invalid_json: {"text": "The frame is not valid JSON.", "hint": "Send each frame as one UTF-8 JSON object."},
  payload_too_large: {"text": "The request is too large.", "hint": "Send less at once."},
  unknown_type: {"text": "The frame has an unknown type.", "hint": "See /asyncapi.json for the frames that clients can send."},
};

/** The close code for a message that is too long: final for the message alone. @type {number} */
export const TOO_BIG = 1009;

/** HTTP statuses that are waited out. @type {number[]} */
export const TRANSIENT_STATUSES = [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524];

/** A message is sent so often without an answer. @type {number} */
export const MOST_SENDS = 10;

/** A connection that stood for so long has held. @type {number} */
export const STEADY_MS = 5000;
