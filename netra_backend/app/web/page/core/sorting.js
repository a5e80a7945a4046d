/** Sorts rows by one column: numbers by value, text alphabetically, empty cells always last. */

/** @param {unknown} value */
const isAbsent = (value) => value === null || value === undefined || value === "";

/**
 * @template {readonly unknown[]} T
 * @param {readonly T[]} rows
 * @param {number} column Below 0 leaves them as they are.
 * @param {boolean} isDown
 * @returns {T[]}
 */
export function sorted(rows, column, isDown) {
  if (column < 0) return [...rows];
  const sign = isDown ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [one[column], other[column]];
    if (isAbsent(a) || isAbsent(b)) return Number(isAbsent(a)) - Number(isAbsent(b));
    const [x, y] = [Number(a), Number(b)];
    const order = Number.isNaN(x) || Number.isNaN(y) ? String(a).localeCompare(String(b), "en", { numeric: true }) : x - y;
    return sign * order;
  });
}
