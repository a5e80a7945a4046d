"""The page's table of errors and of what a client does after each: written from the catalogue into ``page/core/error_table.js``.

Write it anew after a change of the catalogue: ``python -m netra_backend.app.web.documents.error_table``
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ...core.client_rules import (
    FINAL_CODES,
    MESSAGE_FAULTS,
    MOST_SENDS,
    STEADY_S,
    TOO_BIG,
    TRANSIENT_STATUSES,
    after_close,
)
from ...core.error_catalogue import CATALOGUE

FILE: Final = Path(__file__).parents[1] / "page" / "core" / "error_table.js"
_HEAD: Final = """\
/**
 * Generated from the server's catalogue of errors; do not edit. After a change of the catalogue, write it anew with
 * `python -m netra_backend.app.web.documents.error_table`; a test compares the two.
 *
 * @typedef {"reconnect" | "renew" | "sign_in" | "stop"} Next
 * @typedef {{text: string, hint: string}} Words
 */
"""


def error_table() -> str:
    """The whole module."""
    closes = {
        str(kind.close_code): {
            "error": kind.id,
            "status": kind.status,
            "text": kind.text,
            "next": after_close(kind.close_code),
        }
        for kind in sorted(CATALOGUE.values(), key=lambda kind: kind.close_code or 0)
        if kind.close_code is not None
    }
    faults = {id: {"text": CATALOGUE[id].text, "hint": CATALOGUE[id].hint} for id in sorted(MESSAGE_FAULTS)}
    rows = (
        (
            "By close code.",
            "Record<number, {error: string, status: number, text: string, next: Next}>",
            "CLOSES",
            closes,
        ),
        ("The first and the last code after which nobody reconnects.", "[number, number]", "FINAL_CODES", FINAL_CODES),
        ("Errors of a message itself: it is never sent again.", "Record<string, Words>", "MESSAGE_FAULTS", faults),
        ("The close code for a message that is too long: final for the message alone.", "number", "TOO_BIG", TOO_BIG),
        ("HTTP statuses that are waited out.", "number[]", "TRANSIENT_STATUSES", sorted(TRANSIENT_STATUSES)),
        ("A message is sent so often without an answer.", "number", "MOST_SENDS", MOST_SENDS),
        ("A connection that stood for so long has held.", "number", "STEADY_MS", int(STEADY_S * 1000)),
    )
    return "\n".join((_HEAD, *(_constant(*row) for row in rows)))


def _constant(about: str, type_: str, name: str, value: Any) -> str:
    if isinstance(value, dict):
        rows = "".join(f"  {key}: {json.dumps(row, ensure_ascii=False)},\n" for key, row in value.items())
        text = f"{{\n{rows}}}"
    else:
        text = json.dumps(value)
    return f"/** {about} @type {{{type_}}} */\nexport const {name} = {text};\n"


if __name__ == "__main__":
    FILE.write_text(error_table())
