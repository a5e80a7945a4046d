/** Rename a conversation, or delete it for good. */
import { h } from "../platform/dom.js";

const MOST_TITLE = 200;

/**
 * @param {import("../platform/session.js").Session} session
 * @param {import("../core/types.js").ThreadListed} thread
 * @param {boolean} isShown Whether it is the one in sight, which is left when it is deleted.
 */
export function changeThread(session, thread, isShown) {
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
        h("button", { type: "button", class: "danger", onclick: remove }, "Delete for good"),
        h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"),
        h("button", { class: "primary" }, "Rename"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  title.select();
}
