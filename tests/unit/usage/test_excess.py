"""Why a day cost more, worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.excess import split


def test_twice_the_requests_is_volume() -> None:
    assert split({"m": (10, 1000, 5.0)}, {"m": (20, 2000, 10.0)}) == {"volume": 5, "mix": 0, "tokens": 0, "price": 0}


def test_each_part_is_what_changed_after_the_ones_before_it() -> None:
    # Usual: 10 of a at 0.10 and 10 of b at 1.00 a request (100 tokens each): 11.
    # Now: 10 of a and 30 of b, b with 200 tokens at 0.012 a token: 1 + 72 = 73.
    # volume: 11 · 40/20 − 11 = 11. mix: 10 · 0.1 + 30 · 1 − 22 = 9. tokens: b's 6000 · 0.01 + 1 − 31 = 30. price: 73 − 61 = 12.
    parts = split({"a": (10, 1000, 1.0), "b": (10, 1000, 10.0)}, {"a": (10, 1000, 1.0), "b": (30, 6000, 72.0)})
    assert parts == pytest.approx({"volume": 11, "mix": 9, "tokens": 30, "price": 12})


def test_a_new_models_cost_is_mix() -> None:
    parts = split({"a": (10, 1000, 1.0)}, {"a": (10, 1000, 1.0), "new": (10, 10, 50.0)})
    assert parts == pytest.approx({"volume": 1, "mix": 49, "tokens": 0, "price": 0})


Measures = dict[str, tuple[float, float, float]]
MEASURES = st.dictionaries(
    st.sampled_from("abc"), st.tuples(st.integers(0, 50), st.integers(0, 5000), st.floats(0, 100)), max_size=3
)


@given(MEASURES, MEASURES)
def test_the_parts_sum_to_the_difference_whatever_changed(usual: Measures, now: Measures) -> None:
    difference = sum(row[2] for row in now.values()) - sum(row[2] for row in usual.values())
    parts: dict[str, float] = split(usual, now)
    assert sum(parts.values()) == pytest.approx(difference, abs=1e-6)
