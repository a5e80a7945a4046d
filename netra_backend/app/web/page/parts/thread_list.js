/** The threads of this user: search, choose, rename, delete. */
import { moment } from "../core/format.js";
import { threadAddress } from "../core/route.js";
import { h, replace } from "../platform/dom.js";

const SEARCH_AFTER_MS = 200;
const MOST_TITLE = 200;

export class ThreadList extends HTMLElement {
  #search = h("input", { type: "search", placeholder: "Search conversations", "aria-label": "Search conversations", maxlength: "200" });
  #list = h("ul", { class: "thread-list" });
  #empty = h("p", { class: "empty", hidden: true });
  /** @type {import("../platform/session.js").Session | null} */
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

  /** @param {import("../platform/session.js").Session} session */
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
    this.#empty.textContent = this.#session?.search ? "No conversation has this in its title." : "No conversations yet.";
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
  #change(thread) {
    const title = h("input", { value: thread.title, maxlength: String(MOST_TITLE), "aria-label": "Title", required: true });
    const fault = h("p", { class: "fault-text", role: "alert" });
    const act = async (/** @type {() => Promise<void>} */ doing) => {
      try {
        await doing();
        dialog.close();
      } catch (error) {
        fault.textContent = error instanceof Error ? error.message : "That did not work.";
      }
    };
    const dialog = h("dialog", { class: "dialog", "aria-label": "Conversation" },
      h("form", { class: "stack", onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        void act(() => this.#session?.rename(thread.thread_id, title.value) ?? Promise.resolve());
      } },
        h("h2", {}, "Conversation"), h("label", {}, "Title", title), fault,
        h("div", { class: "actions" },
          h("button", { type: "button", class: "danger", onclick: () => act(async () => {
            await this.#session?.remove(thread.thread_id);
            if (this.#current === thread.thread_id) location.hash = "#/";
          }) }, "Delete for good"),
          h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"),
          h("button", { class: "primary" }, "Rename"))));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    title.select();
  }
}

customElements.define("netra-threads", ThreadList);
