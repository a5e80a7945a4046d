/**
 * Which view the address asks for. The fragment is the page's own: it never reaches the server.
 *
 * @typedef {{view: "chat", thread: string | null} | {view: "report", run: string | null} | {view: "data"} | {view: "operator"}} Route
 */

const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/**
 * @param {string} fragment
 * @returns {Route}
 */
export function routeOf(fragment) {
  const [, room, id] = /^#\/([a-z]*)(?:\/(.+))?$/.exec(fragment) ?? [];
  if (room === "thread" && id && ID.test(id)) return { view: "chat", thread: id };
  if (room === "report" && id && ID.test(id)) return { view: "report", run: id };
  if (room === "report" && id === undefined) return { view: "report", run: null };
  if (room === "data") return { view: "data" };
  if (room === "operator") return { view: "operator" };
  return { view: "chat", thread: null };
}

/**
 * The room that an address opens as the menu lists it; `null` for what the menu does not list: a conversation, a run's report.
 * @param {Route} route
 */
export function roomOf(route) {
  const within = route.view === "chat" ? route.thread : route.view === "report" ? route.run : null;
  if (within !== null) return null;
  return route.view === "chat" ? "#/" : `#/${route.view}`;
}

/** @param {string} id */
export const threadAddress = (id) => `#/thread/${id}`;

/** @param {string} id */
export const reportAddress = (id) => `#/report/${id}`;
