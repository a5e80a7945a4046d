"""The numbers that a reader sees."""

from __future__ import annotations

from decimal import Decimal

import pytest

from netra_backend.app.usage.written_numbers import displayed, numbers_in


def read(text: str) -> list[tuple[str, str]]:
    return [(each.kind, str(each.value.normalize().__format__("f"))) for each in numbers_in(displayed(text))]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("$1,234.50", "money", "1234.5"),
        ("US$ 5", "money", "5"),
        ("USD999", "money", "999"),
        ("5 dollars", "money", "5"),
        ("-$5", "money", "5"),
        ("5 cents", "money", "0.05"),
        ("$1.2k", "money", "1200"),
        ("2 million dollars", "money", "2000000"),
        ("33.3 %", "percent", "33.3"),
        ("ten per cent", "percent", "10"),
        ("1/4 of it", "percent", "25"),
        ("1 in 5 requests", "percent", "20"),
        ("1 000 000 tokens", "plain", "1000000"),
        ("2.5M tokens", "plain", "2500000"),
        (".5", "plain", "0.5"),
        ("the 95th percentile", "plain", "95"),
        ("3x", "plain", "3"),
    ],
)
def test_a_number_is_read_with_its_sign_and_scale(text: str, kind: str, value: str) -> None:
    assert read(text) == [(kind, value)]


@pytest.mark.parametrize("text", ["10-20 %", "10 to 20%"])
def test_both_ends_of_a_range_have_its_sign(text: str) -> None:
    assert read(text) == [("percent", "10"), ("percent", "20")]
    assert read("$10–20") == [("money", "10"), ("money", "20")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9\u200b9", "99"),
        ("1**2**3", "123"),
        ("1<b>2</b>", "12"),
        ("&#57;&#57;", "99"),
        (r"1\.5", "1.5"),
        ("9\ufe0f\u20e37", "97"),
    ],
)
def test_what_hides_between_digits_is_not_seen(text: str, value: str) -> None:
    assert read(text) == [("plain", value)]


@pytest.mark.parametrize(
    "text",
    ["½", "٩", "９", "五", "①", "x99", "1e6", "10^6", "1.234.567", "1,5", "007", "€5", "5 euros", "thousands"],
)
def test_what_cannot_be_read_is_said_to_be_so(text: str) -> None:
    assert {kind for kind, _ in read(text)} == {"unreadable"}
    assert "unreadable" in {kind for kind, _ in read(f"1_{text}")}


@pytest.mark.parametrize(
    ("text", "kind", "at"),
    [
        ("2026-10-17", "day", (2026, 10, 17)),
        ("17 October 2026", "day", (2026, 10, 17)),
        ("Oct 17th, 2026", "day", (2026, 10, 17)),
        ("October 17", "day", (0, 10, 17)),
        ("October 2026", "month", (2026, 10)),
        ("2026-10", "month", (2026, 10)),
        ("00:30 UTC", "time", (0, 30)),
    ],
)
def test_dates_and_times_are_read_as_such(text: str, kind: str, at: tuple[int, ...]) -> None:
    assert [(each.kind, each.at) for each in numbers_in(displayed(text))] == [(kind, at)]


def test_a_percentage_after_a_month_is_no_day() -> None:
    assert ("percent", "10") in read("in October 10 % of it")


def test_a_rounded_number_knows_its_last_digit() -> None:
    assert [each.digit for each in numbers_in("1.25 and 1.2k")] == [Decimal("0.01"), Decimal(100)]
