/** JSON as it is sent. `JSON.stringify` would write half of a surrogate pair as an escape that no server takes. */

/**
 * Every half of a surrogate pair, as a text that was cut within a character has it, becomes U+FFFD.
 * @param {unknown} value
 */
export function jsonText(value) {
  return JSON.stringify(value, (_, each) => (typeof each === "string" ? wellFormed(each) : each));
}

/** @param {string} text */
export function wellFormed(text) {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}

/** How many bytes a well-formed text is as UTF-8. @param {string} text */
export function utf8Length(text) {
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    const isHalf = unit >= 0xd800 && unit <= 0xdfff; // of a character of four bytes
    bytes += unit < 0x80 ? 1 : unit < 0x800 || isHalf ? 2 : 3;
  }
  return bytes;
}
