"""What a message takes over from the one before it."""

from __future__ import annotations

import pytest

from netra_backend.app.agents.interface import PastMessage
from netra_backend.app.agents.triage.carry_over import Earlier, is_fragment, last_question
from netra_backend.app.agents.triage.parse import read_message


@pytest.mark.parametrize(
    ("message", "fragment"),
    [
        ("and last week?", True),
        ("last week", True),
        ("what about haiku", True),
        ("by team?", True),
        ("and why?", False),
        ("what did we spend last week", False),
        ("and what would it have been last week if everything had gone to haiku", False),
    ],
)
def test_a_fragment_names_only_what_changes(message: str, fragment: bool) -> None:
    assert is_fragment(read_message(message, now_ms=0, timezone="UTC")) is fragment


def test_the_last_question_is_the_users() -> None:
    history = [PastMessage("user", "one", "a"), PastMessage("agent", "answer", "a", {"intent": "x"})]
    assert last_question(history) == Earlier("one", False)


def test_it_is_told_whether_a_question_was_asked_back() -> None:
    history = [PastMessage("user", "one", "a"), PastMessage("agent", "which?", "a", {"question": "which?"})]
    assert last_question(history) == Earlier("one", True)


def test_a_new_thread_has_none() -> None:
    assert last_question([]) is None
    assert last_question([PastMessage("agent", "hello", "a", ["no object"])]) is None
