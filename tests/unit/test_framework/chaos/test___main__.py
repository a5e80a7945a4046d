"""The table of a chaos scenario says what was broken, how often, and the seed."""

from __future__ import annotations

from test_framework.chaos.__main__ import table
from test_framework.chaos.scenario import Outcome


def test_a_good_outcome_says_so() -> None:
    told = table(Outcome((), {"runs": 7}), 3.0, 42)
    assert "runs                                                 7" in told
    assert told.endswith("seed 42: every promise was kept")


def test_a_bad_outcome_counts_each_kind_and_tells_what_it_was() -> None:
    told = table(Outcome(("wire: a", "wire: b", "tools: c"), {}), 3.0, 42)
    assert "out of order                                         2" in told
    assert "tools that acted twice                               1" in told
    assert "across users                                         0" in told
    assert "  tools: c\n" in told
    assert told.endswith("seed 42: BROKEN")
