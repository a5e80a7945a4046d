/**
 * What an upload's preview recognised, and what has to be sent so that it is imported as the person confirmed it.
 *
 * @typedef {{format: string, model: string, start: string, mapping: Record<string, string>}} Choice
 */

/** The columns of the usage table that a header can be mapped to, the needed ones first. */
export const COLUMNS = Object.freeze(["ts", "model", "input_tokens", "output_tokens", "provider", "operation", "status",
  "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "latency_ms", "cost_reported_usd", "session_id", "request_id", "feature",
  "team", "end_user", "is_batch", "service_tier", "prompt_hash"]);
export const PREVIEW_BYTES = 4 << 20;
const LINES = /\.(jsonl|ndjson|csv|tsv|txt)$/i;

/**
 * The import's options. A mapping is sent only where the person changed what was recognised.
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
 * How much of a file a preview needs: of lines the first ones, of everything else all of it.
 * @param {string} name
 * @param {number} size
 */
export function previewBytes(name, size) {
  return LINES.test(name) ? Math.min(size, PREVIEW_BYTES) : size;
}

/**
 * What a problem says is missing and can be given here.
 * @param {{details?: Record<string, any>} | null} told
 * @returns {"model" | "start" | null}
 */
export function missingOf(told) {
  const missing = told?.details?.missing;
  return missing === "model" || missing === "start" ? missing : null;
}
