"""Money in and out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.money import display, per_token, percent, pico, usd


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (1_250_000_000_000, "1.25"), (1, "0.000000000001"), (-3_000_000_000_000, "-3"), (100 * 10**12, "100")],
)
def test_money_is_written_exactly_and_plainly(amount: int, text: str) -> None:
    assert usd(amount) == text


@given(st.integers(-(10**24), 10**24))
def test_what_is_written_is_read_back_to_the_picodollar(amount: int) -> None:
    assert pico(usd(amount)) == amount


def test_artefacts_of_binary_fractions_in_prices_are_rounded_away() -> None:
    assert per_token(Decimal("0.13999999999999999")) == 140_000


def test_a_part_of_nothing_is_no_percentage() -> None:
    assert percent(3, 0) == 0
    assert percent(1, 3) == 33.33


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0"),
        ("1234.5", "$1,234.50"),
        ("0.668971", "$0.668971"),
        ("2.5", "$2.50"),
        ("7", "$7.00"),
        ("0.000000123456", "$0.000000123"),
        ("-2.5", "-$2.50"),
    ],
)
def test_people_see_cents_of_large_amounts_and_the_digits_of_small_ones(amount: str, shown: str) -> None:
    assert display(amount) == shown
