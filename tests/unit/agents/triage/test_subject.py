"""The model that a request is about."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.triage.parse import read_message
from netra_backend.app.agents.triage.subject import subject_of


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("move everything from gpt-4o to haiku", "haiku"),
        ("haiku instead of gpt-4o", "haiku"),
        ("replace opus with sonnet 4.5", "claude-sonnet-4-5"),
        ("gpt-4o -> gpt-4o-mini", "gpt-4o-mini"),
        ("between staying on 4o and going to 4o-mini", "gpt-4o-mini"),
        ("run last month on gemini 2.5 flash", "gemini-2.5-flash"),
        ("what does gpt-4o cost", "gpt-4o"),
        ("compare gpt-4o and haiku", "gpt-4o"),
        ("away from gpt-4o", "gpt-4o"),
    ],
)
def test_it_is_the_target_of_a_move_or_the_first_named(message: str, name: str) -> None:
    found = subject_of(read_message(message, now_ms=0, timezone="UTC"))
    assert found is not None
    assert found.name == name


def test_it_is_none_where_none_is_named() -> None:
    assert subject_of(read_message("what did we spend", now_ms=0, timezone="UTC")) is None
