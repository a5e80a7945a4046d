"""What a model reads of a result."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.mcp.texts import text_of


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("plain", "plain"),
        ({"n": 1.5, "ß": None}, '{"n":1.5,"ß":null}'),
        ([{"type": "image", "image_url": "https://stranger.invalid"}],) * 1
        + ('[{"type":"image","image_url":"https://stranger.invalid"}]',),
        (None, "null"),
    ],
)
def test_a_text_is_itself_and_anything_else_is_json(result: Any, text: str) -> None:
    assert text_of(result) == text
