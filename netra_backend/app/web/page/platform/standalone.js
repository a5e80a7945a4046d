/** A part of the page as one self-contained HTML file: styles inline, details opened, buttons removed, no script. */

const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** @param {Element} part @param {string} title */
export async function standaloneHtml(part, title) {
  const copy = /** @type {Element} */ (part.cloneNode(true));
  for (const fold of copy.querySelectorAll("details")) fold.open = true;
  for (const head of copy.querySelectorAll("button.sort")) head.replaceWith(head.textContent ?? "");
  for (const button of copy.querySelectorAll("button")) button.remove();
  const sheets = [...document.querySelectorAll("link[rel=stylesheet]")].map((link) => /** @type {HTMLLinkElement} */ (link).href);
  const styles = await Promise.all(sheets.map(async (address) => (await fetch(address)).text()));
  const body = copy.outerHTML;
  const css = styles.join("\n").replaceAll("</", "<\\/");
  const heading = title.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">`
    + '<meta name="viewport" content="width=device-width, initial-scale=1">'
    + `<title>${heading}</title><style>${css}</style></head><body class="alone">${body}</body></html>\n`;
}
