"""Prompt trimming, worked out by hand. gpt-4o-mini: 0.15 in a million."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.usage.levers.conftest import Estimate


def test_what_exceeds_the_percentile_of_its_kind_is_excess(estimate: Estimate) -> None:
    # Inputs 100, 200, … 10000: p95 = 9500; excess 100+200+300+400+500 = 1500 · 0.15 µ$ = 0.000225.
    rows = [{"input_tokens": 100 * i} for i in range(1, 101)]
    assert estimate("prompt_trim", rows, model="gpt-4o-mini")["base"] == Decimal("0.000225")


def test_tokens_that_were_cached_are_not_trimmed_at_the_full_price(estimate: Estimate) -> None:
    # As above, but of the longest prompt (excess 500) only 200 tokens were not cached: 1000 + 200 = 1200 · 0.15 µ$.
    rows = [{"input_tokens": 100 * i} for i in range(1, 100)] + [{"input_tokens": 10_000, "cache_read_tokens": 9_800}]
    assert estimate("prompt_trim", rows, model="gpt-4o-mini")["base"] == Decimal("0.00018")
