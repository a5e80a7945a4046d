"""What Anthropic's library gets if the usage is missing."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.adapters.models.missing_usage import _completed, allow_missing_usage


@pytest.mark.parametrize(
    ("event", "completed"),
    [
        ({"type": "message_delta"}, {"type": "message_delta", "usage": {}}),
        (
            {"type": "message_start", "message": {"id": "m"}},
            {"type": "message_start", "message": {"id": "m", "usage": {}}},
        ),
        ({"type": "message_start", "message": {"usage": None}}, {"type": "message_start", "message": {"usage": {}}}),
    ],
)
def test_an_event_without_usage_has_an_empty_one(event: Any, completed: Any) -> None:
    assert _completed(event) == completed


@pytest.mark.parametrize(
    "event", [{"type": "message_delta", "usage": {"output_tokens": 1}}, {"type": "ping"}, "[DONE]", None]
)
def test_any_other_event_is_as_it_was(event: Any) -> None:
    assert _completed(event) is event


def test_models_of_other_libraries_are_left_alone() -> None:
    class Other:
        client = object()

    allow_missing_usage(Other())
    allow_missing_usage(object())
