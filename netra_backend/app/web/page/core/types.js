/**
 * Types of the frames and responses that this page uses. `tsc` checks the page against them; there is no code here.
 *
 * @typedef {{epoch: string, seq: number}} Position
 *
 * @typedef {object} RunEvent An event of a thread's log; its `type` decides which optional fields it has.
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
 * @property {string} [question_id]
 * @property {unknown} [answer]
 * @property {string} [by]
 * @property {string} [message]
 * @property {string} [hint]
 * @property {boolean} [retryable]
 * @property {MessagePart[]} [parts]
 * @property {number} [since]
 *
 * @typedef {{type: string, file_id?: string, media?: string, bytes?: number}} MessagePart
 *
 * @typedef {object} ErrorInfo What went wrong and what to do: an `error` frame, or the problem of an HTTP response.
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
 * @property {string} [reason] Why its tool asks.
 *
 * @typedef {object} Question
 * @property {string} question_id
 * @property {string} thread_id
 * @property {string} run_id
 * @property {string} text
 * @property {any} schema The answer's JSON Schema; `null` for any.
 * @property {number} expires_at
 * @property {Approval | null} approval The call that it is about.
 */

export {};
