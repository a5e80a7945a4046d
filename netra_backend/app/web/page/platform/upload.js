/**
 * Uploads one file: reports how much was sent, then the progress of its import from the response's lines.
 *
 * @typedef {import("../core/types.js").ErrorInfo} ErrorInfo
 * @typedef {{sent: (done: number, total: number) => void, read: (done: number, total: number) => void}} Progress
 */
import { Lines } from "../core/ndjson.js";
import { Problem, UNREACHED, endsSignIn, errorInfo } from "./api.js";

/**
 * @param {import("./api.js").Api} api
 * @param {Blob} file
 * @param {URLSearchParams} options
 * @param {Progress} progress
 * @param {AbortSignal} signal
 * @returns {Promise<any>} The dataset; rejects with `Problem`.
 */
export function upload(api, file, options, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const lines = new Lines();
    let read = 0;
    /** @type {any} */
    let last = null;
    const take = () => {
      for (const line of lines.take(request.responseText.slice(read))) {
        last = line;
        if (line.total > 0) progress.read(line.done, line.total);
      }
      read = request.responseText.length;
    };
    request.open("POST", api.address(`api/usage/datasets?${options}`));
    request.setRequestHeader("Authorization", api.authorization);
    request.setRequestHeader("Accept", "application/x-ndjson");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => progress.sent(event.loaded, event.total);
    request.onprogress = () => request.status === 200 && take();
    request.onerror = () => reject(new Problem(0, UNREACHED));
    request.onabort = () => reject(new Problem(0, { ...UNREACHED, message: "The upload was cancelled.", hint: "" }));
    request.onload = () => {
      if (request.status === 200) take();
      else last = { problem: parsed(request.responseText) };
      if (endsSignIn(request.status, errorInfo(last?.problem))) api.expired();
      if (last?.dataset) resolve(last.dataset);
      else reject(new Problem(request.status, errorInfo(last?.problem)));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
