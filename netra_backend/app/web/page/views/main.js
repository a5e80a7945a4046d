/** The page: who is signed in, and which view is shown. */
import { roomOf, routeOf } from "../core/route.js";
import { ConnectionState } from "../parts/connection_state.js";
import { ThreadList } from "../parts/thread_list.js";
import { Problem, endsSignIn } from "../platform/api.js";
import { find } from "../platform/dom.js";
import { Session } from "../platform/session.js";
import { dropToken, keepToken, keptToken, tokenOfAddress } from "../platform/sign_in.js";
import { startTheme } from "../platform/theme.js";
import { ChatView } from "./chat.js";
import { SignIn } from "./sign_in.js";

/** @typedef {HTMLElement & {watch: (session: Session) => void, show?: (route: import("../core/route.js").Route) => void, leave?: () => void}} View */

/** @type {Record<string, () => Promise<unknown>>} */
const LAZY_VIEWS = {
  report: () => import("./report.js"),
  data: () => import("./data.js"),
  operator: () => import("./operator.js"),
};
const TITLES = { chat: "Chat", report: "Report", data: "Data", operator: "Operator" };

const SHEETS = ["page/style/report.css", "page/style/rooms.css"];

/** Resolves when the style sheet is loaded. @param {string} address @returns {Promise<unknown>} */
function styled(address) {
  if (document.querySelector(`link[href="${address}"]`)) return Promise.resolve();
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  return new Promise((resolve) => {
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
}

class Page {
  /** @type {Session | null} */
  #session = null;
  #user = "";
  #main = find(document, "main", HTMLElement);
  #chat = find(document, "netra-chat", ChatView);
  #threads = find(document, "netra-threads", ThreadList);
  #connection = find(document, "netra-connection", ConnectionState);
  #signIn = find(document, "netra-sign-in", SignIn);
  #side = find(document, "#side", HTMLElement);
  #sideButton = find(document, "#side-button", HTMLButtonElement);
  /** @type {Map<string, View>} */
  #views = new Map();
  #shown = "chat";

  start() {
    const token = tokenOfAddress() ?? keptToken();
    this.#signIn.addEventListener("token", (event) => void this.#enter(/** @type {CustomEvent<string>} */ (event).detail));
    addEventListener("hashchange", () => {
      const given = tokenOfAddress();
      if (given === null) void this.#route();
      else void this.#enter(given);
    });
    this.#sideButton.addEventListener("click", () => this.#toggleSide(!document.body.classList.contains("side-open")));
    find(document, "#sign-out", HTMLButtonElement).addEventListener("click", () => this.#leave());
    find(document, ".skip", HTMLElement).addEventListener("click", (event) => {
      event.preventDefault(); // the fragment names the view
      this.#main.focus();
    });
    document.addEventListener("keydown", (event) => this.#key(event));
    if (token === null) this.#signIn.ask("");
    else void this.#enter(token);
  }

  /** @param {string} token */
  async #enter(token) {
    const session = new Session(token);
    this.#session?.stop();
    this.#session = session;
    session.addEventListener("state", () => {
      if (session === this.#session && session.state.state === "sign_in") {
        dropToken();
        this.#signIn.ask(`${session.state.text} Your draft is kept.`);
      }
      if (session === this.#session && session.state.state === "waiting") this.#signIn.showError(session.state.text);
    });
    this.#connection.watch(session);
    keepToken(token); // also for a reload while the server is away
    try {
      await session.start();
    } catch (error) {
      if (session !== this.#session) return;
      session.stop();
      const problem = error instanceof Problem ? error : null;
      const isOver = problem !== null && endsSignIn(problem.status, problem.info);
      if (isOver) dropToken();
      const rejected = "The server does not accept this sign-in. Ask for a new link.";
      this.#signIn.ask("");
      const why = problem?.info.message ?? "Something went wrong.";
      this.#signIn.showError(isOver && problem.info.error === "unauthenticated" ? rejected : why);
      return;
    }
    if (session !== this.#session) return;
    if (session.state.state !== "sign_in") this.#signIn.done(); // the connection may have ended the sign-in meanwhile
    this.#welcome(session);
  }

  /** @param {Session} session */
  #welcome(session) {
    const user = session.me?.user_id ?? "";
    if (this.#user !== "" && this.#user !== user) location.hash = "#/";
    this.#user = user;
    find(document, "#user", HTMLElement).textContent = user;
    find(document, "#operator-link", HTMLElement).hidden = !session.isAdmin;
    this.#threads.watch(session);
    this.#chat.watch(session);
    for (const view of this.#views.values()) view.watch(session);
    void this.#route();
    if (this.#shown === "chat") this.#chat.focus();
  }

  #leave() {
    dropToken();
    this.#session?.stop();
    location.replace(location.pathname);
    location.reload();
  }

  async #route() {
    if (this.#session === null) return;
    const route = routeOf(location.hash);
    const thread = route.view === "chat" ? route.thread : null;
    this.#toggleSide(false);
    for (const link of document.querySelectorAll("nav.rooms a")) {
      if (link.getAttribute("href") === roomOf(route)) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${TITLES[route.view]} – Netra`;
    this.#threads.select(thread);
    const before = this.#shown;
    this.#shown = route.view;
    if (before !== route.view) this.#views.get(before)?.leave?.();
    if (route.view === "chat") this.#chat.open(thread);
    else {
      const view = await this.#view(route.view);
      if (this.#shown !== route.view) return;
      view.show?.(route);
    }
    this.#chat.hidden = route.view !== "chat";
    for (const [name, view] of this.#views) view.hidden = name !== route.view;
    if (before !== route.view) this.#main.focus();
  }

  /** A view that is not part of the first paint: loaded on first use. @param {string} name @returns {Promise<View>} */
  async #view(name) {
    await Promise.all([LAZY_VIEWS[name](), ...SHEETS.map(styled)]);
    let view = this.#views.get(name);
    if (view === undefined) {
      view = /** @type {View} */ (document.createElement(`netra-${name}`));
      view.hidden = true; // until it is routed to: the user may have gone elsewhere while it was loaded
      this.#views.set(name, view);
      this.#main.append(view);
      if (this.#session !== null) view.watch(this.#session);
    }
    return view;
  }

  /** @param {boolean} open */
  #toggleSide(open) {
    document.body.classList.toggle("side-open", open);
    this.#sideButton.setAttribute("aria-expanded", String(open));
    if (open) this.#side.querySelector("a")?.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
    if (event.key === "/" && !typing && this.#shown === "chat") {
      event.preventDefault();
      this.#chat.focus();
    }
    if (event.key === "Escape" && document.body.classList.contains("side-open")) {
      this.#toggleSide(false);
      this.#sideButton.focus();
    }
  }
}

startTheme(find(document, "#theme", HTMLButtonElement));
new Page().start();
