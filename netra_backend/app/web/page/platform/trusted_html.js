/**
 * The only place where a string becomes markup: the fragment of `/api/runs/{id}/html`, which the server has sanitised. The page's
 * policy allows no other (`require-trusted-types-for 'script'`).
 */

/** @typedef {{createPolicy: (name: string, rules: {createHTML: (html: string) => string}) => {createHTML: (html: string) => any}}} Factory */

const factory = /** @type {{trustedTypes?: Factory}} */ (/** @type {unknown} */ (globalThis)).trustedTypes;
const policy = factory?.createPolicy("netra-server-html", { createHTML: (html) => html });

/**
 * @param {Element} element
 * @param {string} html As the server sanitised it.
 */
export function showServerHtml(element, html) {
  element.innerHTML = policy ? policy.createHTML(html) : html;
}
