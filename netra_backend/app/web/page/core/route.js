/**
 * The view that an address selects. Only the fragment decides, and it never reaches the server.
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
 * The menu entry of a route, or `null` if the menu does not list it: a conversation, a run's report.
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
