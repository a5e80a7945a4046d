"""The quotation marks that stand around names and values: of programming languages, of JSON, CSV and HTML, of addresses."""

from __future__ import annotations

import re
from typing import Final

MARK: Final = r"\\{0,8}[\"'`]"
"""A quotation mark, also inside a JSON string, which may itself be inside another JSON string."""
_ENTITY: Final = r"&(?:quot|apos|#0{0,3}3[49]|#x2[27]);"
_PERCENT: Final = r"%(?:25){0,3}2[27]"
_ESCAPED: Final = r"\\{1,8}u002[27]"
_ENCODED: Final = rf"{_PERCENT}|{_ESCAPED}"
AROUND_NAME: Final = rf"(?:{MARK}){{1,2}}|{_ENCODED}|{_ENTITY}"
"""In a text of small letters. CSV doubles the marks of what it quotes."""

_AFTER_NOTHING: Final = r"(?:[\s,;:)\]}>&\\]|\Z)"
"""What follows the quotation marks of an empty text."""
OPENING: Final = re.compile(
    r"(?:\$?@|@?\$|[bfr]{1,2}|[eln]|u8?)?#{0,3}"  # says how a language reads what follows: r"…", $'…', N'…', r#"…"#
    rf"(?:(?P<mark>{MARK})(?P<more>(?P=mark){{2}}(?!(?P=mark){{1,4}}{_AFTER_NOTHING})"
    rf"|(?P=mark)(?!(?P=mark)|{_AFTER_NOTHING}))?"
    rf"|(?P<encoded>{_ENCODED})|(?P<entity>{_ENTITY}))"
    r"|[|>][-+\d]{0,2} {0,4}\n\s{1,16}"  # YAML's text on lines of its own
)
"""What stands before a value, in a text of small letters: one ``mark`` or, with ``more``, two or three of them."""

QUOTED_ENDS: Final = {mark: re.compile(rf"[{mark}\n]") for mark in "\"'`"}
"""By the mark: what ends one line's value in such marks."""
LINES_END: Final = {mark: re.compile(mark) for mark in "\"'`"}
"""By the mark: what may end a value in three of them, which may have many lines."""
ENCODED_ENDS: Final = {"%": re.compile(rf"[\s\"']|{_PERCENT}"), "\\": re.compile(rf"[\"\n]|{_ESCAPED}")}
"""By the first character of such a mark: what ends a value in an address, and one in a text of JSON."""
ENTITY_ENDS: Final = re.compile(rf"\n|{_ENTITY}", re.IGNORECASE)
