/** Rename a conversation, or delete it permanently. */
import { h } from "../platform/dom.js";

const MOST_TITLE = 200;

/**
 * @param {import("../platform/session.js").Session} session
 * @param {import("../core/types.js").ThreadListed} thread
 * @param {boolean} isShown Whether this conversation is shown; deleting it then opens a new chat.
 */
export function changeThread(session, thread, isShown) {
  const title = h("input", { value: thread.title, maxlength: String(MOST_TITLE), "aria-label": "Title", required: true });
  const fault = h("p", { class: "fault-text", role: "alert" });
  const act = async (/** @type {() => Promise<void>} */ action) => {
    try {
      await action();
      dialog.close();
    } catch (error) {
      fault.textContent = error instanceof Error ? error.message : "Something went wrong.";
    }
  };
  const remove = () => act(async () => {
    await session.remove(thread.thread_id);
    if (isShown) location.hash = "#/";
  });
  const dialog = h("dialog", { class: "dialog", "aria-label": "Conversation" },
    h("form", { class: "stack", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      void act(() => session.rename(thread.thread_id, title.value));
    } },
      h("h2", {}, "Conversation"), h("label", {}, "Title", title), fault,
      h("div", { class: "actions" },
        h("button", { type: "button", class: "danger", onclick: remove }, "Delete permanently"),
        h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"),
        h("button", { class: "primary" }, "Rename"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  title.select();
}
