/** The user's conversations: search, open, rename, delete. */
import { moment } from "../core/format.js";
import { threadAddress } from "../core/route.js";
import { h, replace } from "../platform/dom.js";

const SEARCH_AFTER_MS = 200;

/** @import { Session } from "../platform/session.js" */

export class ThreadList extends HTMLElement {
  #search = h("input", { type: "search", placeholder: "Search conversations", "aria-label": "Search conversations", maxlength: "200" });
  #list = h("ul", { class: "thread-list" });
  #empty = h("p", { class: "empty", hidden: true });
  /** @type {Session | null} */
  #session = null;
  /** @type {string | null} */
  #current = null;
  #timer = 0;

  connectedCallback() {
    replace(this, h("h2", { class: "visually-hidden" }, "Conversations"), this.#search, this.#empty, this.#list);
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        if (this.#session === null) return;
        this.#session.search = this.#search.value.trim();
        void this.#session.list().catch(() => {});
      }, SEARCH_AFTER_MS);
    });
  }

  /** @param {Session} session */
  watch(session) {
    this.#session = session;
    session.addEventListener("threads", () => this.#show());
    this.#show();
  }

  /** @param {string | null} threadId */
  select(threadId) {
    this.#current = threadId;
    for (const link of this.querySelectorAll("a[data-thread]")) {
      if (link instanceof HTMLElement && link.dataset.thread === threadId) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  #show() {
    const threads = this.#session?.threads ?? [];
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.thread : undefined;
    replace(this.#list, threads.map((thread) => this.#item(thread)));
    this.select(this.#current);
    this.#empty.hidden = threads.length > 0;
    this.#empty.textContent = this.#session?.search ? "No conversation title matches." : "No conversations yet.";
    if (focused) this.querySelector(`a[data-thread="${CSS.escape(focused)}"]`)?.dispatchEvent(new CustomEvent("refocus"));
  }

  /** @param {import("../core/types.js").ThreadListed} thread */
  #item(thread) {
    const title = thread.title || "Untitled";
    const link = h("a", { href: threadAddress(thread.thread_id), "data-thread": thread.thread_id, title,
      onrefocus: () => link.focus() },
      h("span", { class: "thread-title" }, title),
      h("span", { class: "thread-time" }, moment(thread.updated_ms, Date.now())));
    const menu = h("button", { type: "button", class: "quiet thread-menu", "aria-label": `Rename or delete ${title}`,
      onclick: () => this.#change(thread) }, "⋯");
    return h("li", {}, link, menu);
  }

  /** @param {import("../core/types.js").ThreadListed} thread */
  async #change(thread) {
    const { changeThread } = await import("./thread_dialog.js");
    if (this.#session !== null) changeThread(this.#session, thread, this.#current === thread.thread_id);
  }
}

customElements.define("netra-threads", ThreadList);
