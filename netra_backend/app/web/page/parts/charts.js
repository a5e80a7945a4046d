/**
 * Charts as inline SVG. Each has a title and a description for screen readers and stands next to its table. Colour never
 * carries meaning alone: anomalies have a symbol of their own.
 */
import { cut, money } from "../core/format.js";
import { axis } from "../core/scale.js";
import { svg } from "../platform/dom.js";

const BAR = 30;
const WIDE = { width: 760, label: 200, amount: 96, mostName: 23, ticks: 8 };
const NARROW = { width: 360, label: 118, amount: 74, mostName: 13, ticks: 4 };
let pictures = 0;

/** On a phone a chart is drawn narrower, not smaller. */
const layout = () => (matchMedia("(max-width: 44rem)").matches ? NARROW : WIDE);

/** @param {string} title @param {string} description @param {number} height @param {SVGElement[]} parts */
function picture(title, description, height, parts) {
  const { width } = layout();
  pictures += 1;
  const ids = [`picture-${pictures}-title`, `picture-${pictures}-text`];
  return svg("svg", { class: "picture", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": ids.join(" ") },
    svg("title", { id: ids[0] }, title), svg("desc", { id: ids[1] }, description), parts);
}

/** @param {{day: string, usd: number, expected: number | null, anomaly: any | null}[]} days */
export function dayColumns(days) {
  const { width: whole, ticks: most } = layout();
  const left = 64;
  const height = 220;
  const room = whole - left;
  const { top, ticks } = axis(Math.max(...days.map((each) => Math.max(each.usd, each.expected ?? 0))));
  const step = room / days.length;
  const y = (/** @type {number} */ usd) => 24 + height * (1 - usd / top);
  const parts = ticks.flatMap((tick) => [
    svg("line", { class: "grid", x1: left, x2: whole, y1: y(tick), y2: y(tick) }),
    svg("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, money(tick)),
  ]);
  days.forEach((each, index) => {
    const x = left + index * step;
    const width = Math.max(step * 0.78, 1);
    parts.push(svg("rect", { class: each.anomaly ? "bar marked" : "bar", x: x + (step - width) / 2, y: y(each.usd), width,
      height: Math.max(0, y(0) - y(each.usd)), rx: Math.min(3, width / 4) },
      svg("title", {}, `${each.day}: ${money(each.usd)}`)));
    if (each.anomaly) {
      const up = each.anomaly.direction === "jump";
      parts.push(svg("text", { class: "mark", x: x + step / 2, y: y(each.usd) - 6, "text-anchor": "middle" }, up ? "▲" : "▼"));
    }
  });
  const expected = days.flatMap((each, index) => each.expected === null ? [] : [`${left + (index + 0.5) * step},${y(each.expected)}`]);
  if (expected.length > 1) parts.push(svg("polyline", { class: "expected", points: expected.join(" ") }));
  const every = Math.max(1, Math.ceil(days.length / most));
  days.forEach((each, index) => {
    if (index % every !== 0) return;
    parts.push(svg("text", { class: "tick", x: left + (index + 0.5) * step, y: height + 44, "text-anchor": "middle" }, each.day.slice(5, 16)));
  });
  const marked = days.filter((each) => each.anomaly).map((each) => each.day);
  const text = marked.length === 0 ? "No day is marked as an anomaly." : `Marked as anomalies: ${marked.join(", ")}.`;
  return picture("Spend by day", `${days.length} days. ${text} The table below has every figure.`, height + 52, parts);
}

/** @param {string} title @param {{name: string, usd: number}[]} bars */
export function nameBars(title, bars) {
  const { width: whole, label: before, amount } = layout();
  const room = whole - before - amount;
  const most = Math.max(...bars.map((each) => each.usd), 0) || 1;
  const parts = bars.flatMap((each, index) => {
    const width = (room * Math.max(each.usd, 0)) / most;
    return [
      label(each.name, index),
      svg("rect", { class: "bar", x: before, y: index * BAR + 6, width: Math.max(width, 1), height: BAR - 12, rx: 3 }),
      svg("text", { class: "amount", x: before + width + 8, y: index * BAR + 20 }, money(each.usd)),
    ];
  });
  return picture(title, "The table below has every figure.", bars.length * BAR, parts);
}

/** @param {import("../core/waterfall.js").Bar[]} bars */
export function savingsWaterfall(bars) {
  const { width: whole, label: before, amount } = layout();
  const room = whole - before - amount;
  const parts = bars.flatMap((each, index) => {
    const x = before + room * each.from;
    const width = Math.max(room * (each.to - each.from), 1.5);
    const saved = each.kind === "saving";
    return [
      label(each.name, index),
      svg("rect", { class: saved ? "saved" : "bar", x, y: index * BAR + 6, width, height: BAR - 12, rx: 3 }),
      svg("text", { class: "amount", x: x + width + 8, y: index * BAR + 20 }, `${saved ? "−" : ""}${money(each.usd)}`),
    ];
  });
  return picture("Savings, base", "From the current bill, one savings opportunity at a time, to what remains. "
    + "The table below has low, base and high.", bars.length * BAR, parts);
}

/** @param {string} name @param {number} index */
function label(name, index) {
  const { label: before, mostName } = layout();
  return svg("text", { class: "label", x: before - 10, y: index * BAR + 20, "text-anchor": "end" },
    cut(name, mostName), svg("title", {}, name));
}
