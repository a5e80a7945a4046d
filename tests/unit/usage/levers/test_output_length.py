"""Output length, worked out by hand. gpt-4o-mini: 0.60 out a million."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.usage.levers.conftest import Estimate


def test_what_exceeds_the_percentile_of_its_kind_is_excess(estimate: Estimate) -> None:
    # Outputs 10, 20, … 1000 (100 rows). Nearest rank: p99 = 990, p95 = 950, p90 = 900.
    # Excess over 950: 10+20+30+40+50 = 150 · 0.6 µ$ = 0.00009. Over 990: 10 → 0.000006. Over 900: 10+…+100 = 550 → 0.00033.
    rows = [{"output_tokens": 10 * i} for i in range(1, 101)]
    answer = estimate("output_length", rows, model="gpt-4o-mini")
    assert (answer["low"], answer["base"], answer["high"]) == (
        Decimal("0.000006"),
        Decimal("0.00009"),
        Decimal("0.00033"),
    )


def test_kinds_are_judged_apart(estimate: Estimate) -> None:
    rows = [{"feature": "short", "output_tokens": 10}] * 30 + [{"feature": "long", "output_tokens": 900}] * 30
    assert estimate("output_length", rows)["status"] == "none_found"


def test_a_small_class_is_left_out_and_only_small_ones_cannot_be_judged(estimate: Estimate) -> None:
    assert estimate("output_length", [{"output_tokens": 10 * i} for i in range(1, 20)])["status"] == "not_assessable"
