/**
 * What travels, as this page sees it. There is no code here: the shapes are checked by `tsc`, the frames by the server.
 *
 * @typedef {{epoch: string, seq: number}} Position
 *
 * @typedef {object} RunEvent An event of a thread's log; which of the optional fields there are depends on `type`.
 * @property {string} type
 * @property {string} thread_id
 * @property {string} run_id
 * @property {number} seq
 * @property {number} ts
 * @property {string} [agent]
 * @property {string} [text]
 * @property {number} [queue_position]
 * @property {string} [call_id]
 * @property {number} [attempt]
 * @property {string} [tool]
 * @property {Record<string, unknown>} [arguments]
 * @property {boolean} [ok]
 * @property {unknown} [result]
 * @property {any} [error]
 * @property {string} [error_id]
 * @property {number} [elapsed_ms]
 * @property {Record<string, any>} [usage]
 * @property {string} [approval_id]
 * @property {string} [arguments_hash]
 * @property {number} [expires_at]
 * @property {string} [decision]
 * @property {string} [by]
 * @property {string} [message]
 * @property {string} [hint]
 * @property {boolean} [retryable]
 *
 * @typedef {object} Told Why something was refused, and what to do: an `error` frame, or a problem over HTTP.
 * @property {string} error
 * @property {string} message
 * @property {string} hint
 * @property {boolean} retryable
 * @property {string} [code]
 * @property {Record<string, any>} [details]
 * @property {string} [error_id]
 *
 * @typedef {{thread_id: string, title: string, updated_ms: number, top: number}} ThreadListed
 * @typedef {{name: string, description: string, tools: string[]}} AgentListed
 * @typedef {{user_id: string, scopes: string[], expires_at_ms: number | null, limits: Record<string, number>}} Me
 *
 * @typedef {object} Approval
 * @property {string} approval_id
 * @property {string} thread_id
 * @property {string} run_id
 * @property {string} tool
 * @property {Record<string, unknown>} arguments
 * @property {string} arguments_hash
 * @property {number} expires_at
 */

export {};
