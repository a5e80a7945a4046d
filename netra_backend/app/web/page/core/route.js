/**
 * Which view the address asks for. The fragment is the page's own: it never reaches the server.
 *
 * @typedef {{view: "chat", thread: string | null} | {view: "report", run: string} | {view: "data"} | {view: "operator"}} Route
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
  if (room === "data") return { view: "data" };
  if (room === "operator") return { view: "operator" };
  return { view: "chat", thread: null };
}

/** @param {string} id */
export const threadAddress = (id) => `#/thread/${id}`;

/** @param {string} id */
export const reportAddress = (id) => `#/report/${id}`;
