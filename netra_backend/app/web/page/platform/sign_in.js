/**
 * The sign-in token. It is kept in memory and in this tab's session storage only. It arrives in the URL's fragment, which is
 * cleared before anything else happens.
 */

const KEY = "netra.token";
const IN_FRAGMENT = /^#token=([\w.~+/-]+=*)$/;
const TOKEN = /^[\w.~+/-]+=*$/;

/** Take the token out of the address, if there is one. @returns {string | null} */
export function tokenOfAddress() {
  const found = IN_FRAGMENT.exec(location.hash);
  if (found === null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return found[1];
}

/** @returns {string | null} */
export function keptToken() {
  return sessionStorage.getItem(KEY);
}

/** @param {string} token */
export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
}

export function dropToken() {
  sessionStorage.removeItem(KEY);
}

/**
 * The token in a pasted text: a sign-in link or the token itself.
 * @param {string} pasted
 * @returns {string | null}
 */
export function tokenOf(pasted) {
  const text = pasted.trim();
  const token = text.includes("#token=") ? text.slice(text.indexOf("#token=") + "#token=".length) : text;
  return token !== "" && TOKEN.test(token) ? token : null;
}
