/** Formats numbers, money, times and sizes for people. Money arrives as a decimal string and is rounded only for display. */

const INTEGER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const CENTS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const SMALL = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumSignificantDigits: 3 });

/** @param {string | number | null | undefined} usd */
export function money(usd) {
  if (usd === null || usd === undefined || usd === "") return "–";
  const value = Number(usd);
  if (!Number.isFinite(value)) return String(usd);
  return value !== 0 && Math.abs(value) < 0.01 ? SMALL.format(value) : CENTS.format(value);
}

/** A unit price, with three significant digits. @param {string | number | null | undefined} usd */
export function unitPrice(usd) {
  return usd === null || usd === undefined ? "–" : SMALL.format(Number(usd));
}

/** @param {number | null | undefined} value */
export function integer(value) {
  return value === null || value === undefined ? "–" : INTEGER.format(value);
}

/** @param {number | null | undefined} value */
export function percent(value) {
  return value === null || value === undefined ? "–" : `${Number(value).toFixed(1)} %`;
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** @param {number} count */
export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let size = count;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

/**
 * The time if it is today, otherwise the day.
 * @param {number} ms
 * @param {number} nowMs
 */
export function moment(ms, nowMs) {
  const then = new Date(ms);
  const sameDay = then.toDateString() === new Date(nowMs).toDateString();
  return sameDay
    ? then.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })
    : then.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}

/** @param {string | null | undefined} iso */
export function day(iso) {
  return iso ? iso.slice(0, 10) : "–";
}

/**
 * A count with its noun.
 * @param {number} count
 * @param {string} one
 */
export function counted(count, one) {
  return `${integer(count)} ${one}${count === 1 ? "" : "s"}`;
}

/**
 * An identifier as words: `tool_name` becomes `tool name`.
 * @param {string} name
 */
export function words(name) {
  return name.replaceAll("_", " ");
}

/**
 * @param {string} text
 * @param {number} most
 */
export function cut(text, most) {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
