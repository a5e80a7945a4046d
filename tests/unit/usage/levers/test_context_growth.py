"""Context growth, worked out by hand. gpt-4o: 2.50 in, 1.25 cached a million."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.usage.levers.conftest import Estimate


def test_growth_before_the_window_is_dropped(estimate: Estimate) -> None:
    # Twelve turns of 1000, 2000, … 12000 tokens. Ten turns kept:
    # turn 11 drops what grew from turn 1 to turn 1: 0; turn 12 what grew from turn 1 to turn 2: 1000 · 2.5 µ$ = 0.0025.
    # Five kept: turns 6 … 12 drop 0, 1000, … 6000 = 21000 · 2.5 µ$ = 0.0525. Twenty kept: nothing.
    rows = [{"at": 60 * i, "input_tokens": 1000 * (i + 1)} for i in range(12)]
    answer = estimate("context_growth", rows, session_id="s")
    assert (answer["low"], answer["base"], answer["high"]) == (0, Decimal("0.0025"), Decimal("0.0525"))
    assert answer["details"] == {"longest_session_turns": 12}


def test_dropped_tokens_come_off_the_cached_ones_first(estimate: Estimate) -> None:
    # As above, but turn 12 read 600 of its tokens from the cache: 600 · 1.25 + 400 · 2.5 = 1750 µ$.
    rows = [{"at": 60 * i, "input_tokens": 1000 * (i + 1)} for i in range(12)]
    rows[-1]["cache_read_tokens"] = 600
    assert estimate("context_growth", rows, session_id="s")["base"] == Decimal("0.00175")


def test_a_session_that_was_compacted_is_not_charged_for_what_it_dropped(estimate: Estimate) -> None:
    rows = [{"at": 60 * i, "input_tokens": 9000 if i < 5 else 1000} for i in range(12)]
    assert estimate("context_growth", rows, session_id="s")["status"] == "none_found"


def test_without_sessions_it_says_what_to_log(estimate: Estimate) -> None:
    answer = estimate("context_growth", [{}])
    assert answer["missing"] == ["session_id"]
