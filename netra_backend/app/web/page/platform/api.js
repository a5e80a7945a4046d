/**
 * The HTTP API. Every error is a `Problem` that says what happened and what to do.
 *
 * @typedef {import("../core/types.js").ErrorInfo} ErrorInfo
 */
import { afterStatus } from "../core/closes.js";
import { jsonText } from "../core/json_text.js";

/** A response other than success, or no response at all. */
export class Problem extends Error {
  /** @param {number} status 0 if the server was not reached. @param {ErrorInfo} info */
  constructor(status, info) {
    super(info.message);
    this.status = status;
    this.info = info;
  }
}

/** @param {any} body @returns {ErrorInfo} */
export function errorInfo(body) {
  return {
    error: body?.error ?? "internal",
    message: body?.detail ?? body?.title ?? "The server returned an unknown error.",
    hint: body?.hint ?? "",
    retryable: body?.retryable ?? false,
    code: body?.code,
    details: body?.details,
    error_id: body?.error_id,
  };
}

/**
 * Whether an answer says that the sign-in is no longer valid. A clock that is off leaves it valid.
 *
 * @param {number} status
 * @param {{error: string}} info
 */
export function endsSignIn(status, info) {
  return status === 401 && afterStatus(status, info.error) === "sign_in";
}

export const UNREACHED = Object.freeze({
  error: "unreachable",
  message: "The server cannot be reached.",
  hint: "Check the network and try again.",
  retryable: true,
});

export class Api {
  #token;
  #unauthenticated;

  /** @param {string} token @param {(why: string) => void} unauthenticated Called when the sign-in is no longer valid. */
  constructor(token, unauthenticated) {
    this.#token = token;
    this.#unauthenticated = unauthenticated;
  }

  /** @param {string} path Relative to this page, such as `api/me`. */
  address(path) {
    return new URL(path, document.baseURI).href;
  }

  get authorization() {
    return `Bearer ${this.#token}`;
  }

  /** The sign-in is no longer valid. @param {string} [why] */
  expired(why = "Your sign-in is no longer valid.") {
    this.#unauthenticated(why);
  }

  /** @param {string} path @returns {Promise<any>} */
  async get(path) {
    return (await this.#ask("GET", path)).json();
  }

  /** @param {string} path @param {string} [accept] The media type, if there are several. */
  async text(path, accept) {
    return (await this.#ask("GET", path, undefined, accept)).text();
  }

  /** @param {"POST" | "PATCH" | "DELETE"} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  async send(method, path, body) {
    return (await this.#ask(method, path, body)).json();
  }

  /** @param {string} method @param {string} path @param {unknown} [body] @param {string} [accept] */
  async #ask(method, path, body, accept) {
    /** @type {Record<string, string>} */
    const headers = { Authorization: this.authorization };
    if (accept !== undefined) headers.Accept = accept;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const options = { method, headers, body: body === undefined ? undefined : jsonText(body) };
    /** @type {Response} */
    let answer;
    try {
      answer = await fetch(this.address(path), options);
    } catch {
      throw new Problem(0, UNREACHED);
    }
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => null); // a proxy answers with something else
    const info = problem === null && afterStatus(answer.status, "") === "reconnect" ? UNREACHED : errorInfo(problem);
    if (endsSignIn(answer.status, info)) this.expired(info.message);
    throw new Problem(answer.status, info);
  }
}
