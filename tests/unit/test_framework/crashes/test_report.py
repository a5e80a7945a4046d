"""What a walk found, for people and for a test."""

from __future__ import annotations

import pytest

from test_framework.crashes.report import Boundary, Walk


def test_a_walk_without_a_broken_promise_says_where_outcomes_were_unknown() -> None:
    walk = Walk([], [Boundary(1, False, "user_message", 0, ()), Boundary(3, True, "tool_executing", 1, ())])
    walk.check()
    assert str(walk).splitlines() == [
        "2 boundaries, 0 broken, 1 outcomes unknown",
        "  3 tool_executing (before the next commit): 1 unknown",
    ]


def test_a_broken_promise_fails_the_test_with_its_boundary() -> None:
    walk = Walk([], [Boundary(2, False, "agent_started", 0, ("pay took effect 2 times",))])
    with pytest.raises(AssertionError, match=r"2 agent_started \(with its commit\): pay took effect 2 times"):
        walk.check()
