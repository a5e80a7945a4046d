/**
 * The options of an import: what the preview recognised, as the user confirmed or corrected it.
 *
 * @typedef {{format: string, model: string, start: string, mapping: Record<string, string>}} Choice
 */
import { words } from "./format.js";

/** The fields of the usage table that a column of the file can be mapped to, required ones first. */
export const COLUMNS = Object.freeze(["ts", "model", "input_tokens", "output_tokens", "provider", "operation", "status",
  "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "latency_ms", "cost_reported_usd", "session_id", "request_id", "feature",
  "team", "end_user", "is_batch", "service_tier", "prompt_hash"]);
/** A field's name for people. @param {string} column */
export const columnLabel = (column) => (column === "ts" ? "timestamp" : words(column));

export const PREVIEW_BYTES = 4 << 20;
const LINES = /\.(jsonl|ndjson|csv|tsv|txt)$/i;

/**
 * The import's query. A mapping is sent only if the user changed what was recognised.
 * @param {string} name
 * @param {Partial<Choice>} choice
 * @param {Record<string, string>} recognised
 * @param {boolean} preview
 */
export function importOptions(name, choice, recognised, preview) {
  const options = new URLSearchParams({ name });
  for (const field of /** @type {const} */ (["format", "model", "start"])) {
    const value = choice[field]?.trim();
    if (value) options.set(field, value);
  }
  const mapping = Object.entries(choice.mapping ?? {}).filter(([, header]) => header !== "");
  const changed = mapping.length !== Object.keys(recognised).length || mapping.some(([column, header]) => recognised[column] !== header);
  if (mapping.length > 0 && changed) for (const [column, header] of mapping) options.append("map", `${column}=${header}`);
  if (preview) options.set("preview", "1");
  return options;
}

/**
 * How many bytes of a file a preview needs: the first lines of a text file, any other file completely.
 * @param {string} name
 * @param {number} size
 */
export function previewBytes(name, size) {
  return LINES.test(name) ? Math.min(size, PREVIEW_BYTES) : size;
}

/**
 * The missing value that the user can fill in, according to an error.
 * @param {{details?: Record<string, any>} | null} error
 * @returns {"model" | "start" | null}
 */
export function missingOf(error) {
  const missing = error?.details?.missing;
  return missing === "model" || missing === "start" ? missing : null;
}
