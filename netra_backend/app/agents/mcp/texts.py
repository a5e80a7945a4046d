"""What a model reads of a call's result, in frameworks that take some values for more than text."""

from __future__ import annotations

from typing import Any

import msgspec


def text_of(result: Any) -> str:
    """A text as it is, anything else as JSON. A list or an object of a certain shape would become an image or a file, which the
    model's provider fetches from an address that the MCP server chose."""
    return result if isinstance(result, str) else msgspec.json.encode(result).decode()
