/**
 * A list that renders only the visible rows and a few more. It stays at its end while rows are added, unless the user scrolls away.
 *
 * @typedef {{key: string, version: unknown}} Keyed
 */
import { Heights } from "../core/windowing.js";
import { h } from "../platform/dom.js";

const SPARE = 600;
const NEAR_END = 48;

/** @template {Keyed} T */
export class WindowedList {
  #before = h("li", { class: "window-space", "aria-hidden": "true", role: "presentation" });
  #behind = h("li", { class: "window-space", "aria-hidden": "true", role: "presentation" });
  #list = h("ol", { class: "window-rows" });
  #heights = new Heights(72);
  /** @type {T[]} */
  #rows = [];
  /** @type {Map<string, {element: HTMLLIElement, version: unknown, index: number}>} */
  #shown = new Map();
  #isAtEnd = true;
  #top = 0;
  #isDue = false;
  #render;
  #resizes = new ResizeObserver((entries) => this.#measure(entries));

  /**
   * @param {HTMLElement} frame What scrolls.
   * @param {(row: T) => Node} render
   */
  constructor(frame, render) {
    this.frame = frame;
    this.#render = render;
    frame.append(this.#list);
    frame.addEventListener("scroll", () => {
      const atEnd = frame.scrollHeight - frame.scrollTop - frame.clientHeight < NEAR_END;
      if (atEnd || frame.scrollTop < this.#top) this.#isAtEnd = atEnd; // rows that grow below are not scrolling away
      this.#top = frame.scrollTop;
      this.#soon();
    }, { passive: true });
    this.#resizes.observe(frame);
  }

  /** @param {T[]} rows */
  show(rows) {
    this.#rows = rows;
    this.#heights.resize(rows.length);
    this.#soon();
  }

  /** Show a different list, from its end. @param {T[]} rows */
  restart(rows) {
    for (const { element } of this.#shown.values()) this.#resizes.unobserve(element);
    this.#shown.clear();
    this.#heights = new Heights(72);
    this.#isAtEnd = true;
    this.show(rows);
  }

  toEnd() {
    this.#isAtEnd = true;
    this.#soon();
  }

  #soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw() {
    const { frame } = this;
    const top = this.#isAtEnd ? Math.max(0, this.#heights.total - frame.clientHeight) : frame.scrollTop;
    const { first, after, before, behind } = this.#heights.visible(top, frame.clientHeight, SPARE);
    this.#before.style.height = `${before}px`;
    this.#behind.style.height = `${behind}px`;
    /** @type {HTMLLIElement[]} */
    const elements = [];
    const keys = new Set();
    for (let index = first; index < after; index += 1) {
      const row = this.#rows[index];
      keys.add(row.key);
      elements.push(this.#element(row, index));
    }
    for (const [key, { element }] of this.#shown) {
      if (keys.has(key)) continue;
      this.#resizes.unobserve(element);
      this.#shown.delete(key);
    }
    this.#place([this.#before, ...elements, this.#behind]);
    if (this.#isAtEnd) frame.scrollTop = frame.scrollHeight;
  }

  /** @param {T} row @param {number} index */
  #element(row, index) {
    const known = this.#shown.get(row.key);
    if (known !== undefined && known.version === row.version) {
      known.index = index;
      return known.element;
    }
    const element = known?.element ?? h("li", { class: "window-row" });
    element.replaceChildren(this.#render(row));
    element.setAttribute("aria-posinset", String(index + 1));
    element.setAttribute("aria-setsize", String(this.#rows.length));
    this.#shown.set(row.key, { element, version: row.version, index });
    if (known === undefined) {
      element.dataset.key = row.key;
      this.#resizes.observe(element);
    }
    return element;
  }

  /** Put the children into this order; those already in place keep focus and selection. @param {HTMLElement[]} elements */
  #place(elements) {
    const keep = new Set(elements);
    for (const child of [...this.#list.children]) if (!keep.has(/** @type {HTMLElement} */ (child))) child.remove();
    elements.forEach((element, index) => {
      if (this.#list.children[index] !== element) this.#list.insertBefore(element, this.#list.children[index] ?? null);
    });
  }

  /** @param {ResizeObserverEntry[]} entries */
  #measure(entries) {
    let hasChanged = false;
    for (const entry of entries) {
      const element = /** @type {HTMLElement} */ (entry.target);
      if (element === this.frame) hasChanged = true;
      const shown = this.#shown.get(element.dataset.key ?? "");
      const height = Math.round(element.getBoundingClientRect().height * 4) / 4;
      if (shown !== undefined && element.isConnected) hasChanged = this.#heights.measured(shown.index, height) || hasChanged;
    }
    if (hasChanged) this.#soon();
  }
}
