"""The ``id`` of a frame that cannot be decoded: of one that is cut off, or broken somewhere else."""

from __future__ import annotations

import json
import re
from typing import Final

_TOKEN: Final = re.compile(r'[\s]*+("(?:[^"\\]++|\\.)*+"|[{}\[\]:,]|[^\s"{}\[\]:,]++)', re.DOTALL).match
_MOST_TOKENS: Final = 20_000
"""So much is looked at, each token once: a text of brackets alone costs milliseconds."""


def key_in(text: str) -> str | None:
    """The string that the outermost object has as ``id``, as far as the text can be read; the last one of several."""
    depth = 0
    found: str | None = None
    name, is_value = "", False
    position = 0
    for _ in range(_MOST_TOKENS):
        match = _TOKEN(text, position)
        if match is None:
            break
        piece, position = match[1], match.end()
        if piece in "{[":
            if depth == 0 and piece == "[":
                break
            depth += 1
        elif piece in "}]":
            depth -= 1
            if depth <= 0:
                break
        elif depth == 0:
            break
        elif depth == 1:
            if piece == ":":
                is_value = True
            elif piece == ",":
                is_value = False
            elif not is_value:
                name = piece
            elif name == '"id"':
                found = _string(piece)
    return found


def _string(token: str) -> str | None:
    try:
        value = json.loads(token)
        return value if isinstance(value, str) and value.encode() else None
    except ValueError:  # no JSON, or an unpaired surrogate, which nobody can be told
        return None
