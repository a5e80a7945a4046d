"""What holds for an agent of the house."""

from __future__ import annotations

from netra_backend.app.agents.house_rules import UnusableAnswer


def test_an_answer_that_cannot_be_used_says_why() -> None:
    assert UnusableAnswer("It was away.").reason == str(UnusableAnswer("It was away.")) == "It was away."
