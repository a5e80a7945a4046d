/** The operator view: connections, runs, refusals, rates and limits; signs users out and runs the isolation drill. */
import { drillRows } from "../core/drill_summary.js";
import { integer, moment, words } from "../core/format.js";
import { CommandRejected } from "../core/commands.js";
import { sortableTable } from "../parts/sortable_table.js";
import { h, replace } from "../platform/dom.js";

const EVERY_MS = 3000;
const PARTS = ["connections", "runs", "refusals", "rates", "limits"];

export class OperatorView extends HTMLElement {
  #tables = h("div", { class: "stack" });
  #drill = h("div", { class: "stack", "aria-live": "polite" });
  #fault = h("p", { class: "fault-text", role: "alert" });
  #revoked = h("p", { class: "hint", role: "status" });
  #user = h("input", { required: true, maxlength: "128", placeholder: "User ID", "aria-label": "User to sign out" });
  /** @type {import("../platform/session.js").Session | null} */
  #session = null;
  #timer = 0;

  connectedCallback() {
    if (this.childElementCount > 0) return;
    this.classList.add("room-view");
    const revoke = h("form", { class: "inline-form", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.#revoke(this.#user.value.trim());
    } }, this.#user, h("button", { class: "danger" }, "Sign out everywhere"));
    replace(this, h("div", { class: "stack" }, h("h1", {}, "Operator"), this.#fault,
      h("section", { class: "card stack" }, h("h2", {}, "Sign out a user"),
        h("p", { class: "hint" }, "Closes the user’s connections, stops their runs and invalidates all tokens issued so far."),
        revoke, this.#revoked),
      h("section", { class: "card stack" }, h("h2", {}, "Isolation drill"),
        h("p", { class: "hint" }, "One synthetic user tries to reach another’s data through every endpoint. Both are deleted afterwards."),
        h("div", {}, h("button", { type: "button", onclick: () => this.#runDrill() }, "Run the drill")), this.#drill),
      this.#tables));
  }

  /** @param {import("../platform/session.js").Session} session */
  watch(session) {
    this.#session = session;
  }

  show() {
    this.leave();
    void this.#read();
    this.#timer = setInterval(() => void this.#read(), EVERY_MS);
  }

  leave() {
    clearInterval(this.#timer);
  }

  async #read() {
    if (document.hidden || this.#session === null || this.#tables.contains(document.activeElement)) return;
    const api = this.#session.api;
    try {
      const [connections, runs, refusals, rates, limits] = await Promise.all(PARTS.map((part) => api.get(`api/admin/${part}`)));
      this.#fault.textContent = "";
      replace(this.#tables, nowView(limits.now), connectionsView(connections), runsView(runs), refusalsView(refusals), ratesView(rates),
        limitsView(limits.limits));
    } catch (error) {
      this.#fault.textContent = error instanceof Error ? error.message : "The server’s state could not be loaded.";
      this.leave();
    }
  }

  /** @param {string} user */
  async #revoke(user) {
    if (!confirm(`Sign out ${user} everywhere? Their runs stop and their connections close.`)) return;
    try {
      await this.#session?.api.send("POST", `api/admin/users/${encodeURIComponent(user)}/revoke`);
      this.#revoked.textContent = `${user} is signed out everywhere.`;
      this.#user.value = "";
    } catch (error) {
      this.#revoked.textContent = error instanceof Error ? error.message : "Something went wrong.";
    }
  }

  async #runDrill() {
    replace(this.#drill, h("p", { class: "hint" }, "Running the drill…"));
    try {
      await this.#session?.drill();
    } catch (error) {
      const message = error instanceof CommandRejected ? error.info.message : "The drill could not be run.";
      const rows = drillRows(message);
      const leaks = rows.filter((row) => row.verdict !== "refused").length;
      replace(this.#drill, rows.length === 0 ? h("p", { class: "fault-text" }, message) : [
        h("p", { class: leaks > 0 ? "fault-text" : "good-text" },
          leaks > 0 ? `${leaks} of ${rows.length} attempts LEAKED.` : `All ${rows.length} attempts refused.`),
        sortableTable("Attempts", [{ name: "Attempt" }, { name: "Result" }, { name: "Response" }],
          rows.map((row) => [row.endpoint, row.verdict, row.answer]), { file: "drill.csv" })]);
    }
  }
}

/** @param {string} title @param {...Node} content */
const section = (title, ...content) => h("section", { class: "card stack" }, h("h2", {}, title), ...content);

const NUMBER = { isNumber: true, show: integer };
const TIME = { show: (/** @type {number} */ ms) => moment(ms, Date.now()) };

/** @param {Record<string, number>} now */
function nowView(now) {
  return section("Now", h("dl", { class: "units" }, Object.entries(now).map(([name, value]) =>
    h("div", {}, h("dt", {}, words(name)), h("dd", {}, integer(value))))));
}

/** @param {any} data */
function connectionsView(data) {
  if (data.total === 0) return section("Live connections", h("p", { class: "empty" }, "No live connections."));
  return section(`Live connections: ${integer(data.total)}`, sortableTable("Live connections",
    [{ name: "User" }, { name: "Connection" }, { name: "Opened", ...TIME }, { name: "Queued bytes", ...NUMBER }],
    data.connections.map((/** @type {any} */ each) => [each.user_id, each.connection_id, each.opened_ms, each.queued_bytes])));
}

/** @param {any} data */
function runsView(data) {
  if (data.total === 0) return section("Runs", h("p", { class: "empty" }, "No active runs."));
  /** @type {Map<string, number[]>} */
  const users = new Map();
  for (const run of data.runs) {
    const counts = users.get(run.user_id) ?? [0, 0];
    counts[run.state === "queued" ? 1 : 0] += 1;
    users.set(run.user_id, counts);
  }
  return section(`Runs: ${integer(data.total)}`,
    sortableTable("Runs by user", [{ name: "User" }, { name: "Running", ...NUMBER }, { name: "Queued", ...NUMBER }],
      [...users].map(([user, counts]) => [user, ...counts]), { sort: 1 }),
    sortableTable("Runs", [{ name: "Run" }, { name: "User" }, { name: "Agent" }, { name: "Since", ...TIME }, { name: "State" }],
      data.runs.map((/** @type {any} */ each) => [each.run_id, each.user_id, each.agent, each.created_ms, each.state])));
}

/** @param {any} data */
function refusalsView(data) {
  if (data.total === 0) return section("Refusals", h("p", { class: "empty" }, "Nothing was refused since the server started."));
  return section(`Refusals: ${integer(data.total)}`, sortableTable("Refusals by validation point",
    [{ name: "Validation point" }, { name: "What it guarantees" }, { name: "Refusals", ...NUMBER }],
    data.refusals.map((/** @type {any} */ each) => [each.point, each.guards, each.count]), { sort: 2, file: "refusals.csv" }));
}

/** @param {any} data */
function ratesView(data) {
  const names = Object.keys(data.totals);
  const rate = { isNumber: true, show: (/** @type {number | undefined} */ value) => (value === undefined ? "–" : value.toFixed(1)) };
  return section("Rates", sortableTable("Events per second, averaged over 1, 10 and 60 seconds",
    [{ name: "Event" }, { name: "1 s", ...rate }, { name: "10 s", ...rate }, { name: "60 s", ...rate }, { name: "Total", ...NUMBER }],
    names.map((name) => [words(name), ...["1s", "10s", "60s"].map((span) => data.per_second[name]?.[span]), data.totals[name]])));
}

/** @param {Record<string, number>} limits */
function limitsView(limits) {
  return section("Limits", h("details", {}, h("summary", {}, `${Object.keys(limits).length} limits`),
    sortableTable("Limits", [{ name: "Limit" }, { name: "Value", ...NUMBER }],
      Object.entries(limits).map(([name, value]) => [words(name), value]))));
}

customElements.define("netra-operator", OperatorView);
