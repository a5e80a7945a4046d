from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.importers.reading import values
from netra_backend.app.usage.importers.reading.values import Times
from netra_backend.app.usage.importers.row import BadRow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("given", "read"), [(7, 7), ("7", 7), (" 7 ", 7), ("7.0", 7), (7.0, 7), ("1,234", 1234), ("0", 0)]
)
def test_a_whole_number_is_a_count_of_tokens(given: object, read: int) -> None:
    assert values.tokens(given, "n") == read


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "n is missing"),
        ("", "n is missing"),
        (-1, "n is negative"),
        ("-5", "n is negative"),
        (1.5, "n is not a whole number"),
        ("many", "n is not a number"),
        (float("nan"), "n is not a whole number"),
        (float("inf"), "n is not a whole number"),
        (True, "n is not a whole number"),
        ([], "n is not a whole number"),
        ("9" * 40, "n is not a whole number"),
        (10**12 + 1, "n is above 1,000,000,000,000"),
    ],
)
def test_anything_else_is_no_count_of_tokens(given: object, reason: str) -> None:
    with pytest.raises(BadRow) as caught:
        values.tokens(given, "n")
    assert caught.value.reason == reason


def test_an_absent_optional_count_stays_unknown_and_is_not_nought() -> None:
    assert values.optional_tokens(None, "n") is None
    assert values.optional_tokens("", "n") is None
    assert values.optional_tokens(0, "n") == 0


@pytest.mark.parametrize(
    ("given", "read"),
    [(0.0123, "0.012300000000"), ("$1.50", "1.500000000000"), (2, "2.000000000000"), ("1e-7", "0.000000100000")],
)
def test_money_is_a_decimal_in_words(given: object, read: str) -> None:
    assert values.money(given, "cost") == read


@pytest.mark.parametrize("given", [-0.01, "-1", "abc", "nan", "inf", float("nan"), True, 1e12, [], "1" * 50])
def test_what_is_no_amount_is_refused(given: object) -> None:
    with pytest.raises(BadRow):
        values.money(given, "cost")


def test_money_that_is_not_told_is_unknown() -> None:
    assert values.money(None, "cost") is None
    assert values.money("", "cost") is None


@pytest.mark.parametrize("given", [-1, "x", [], 1e12, float("nan")])
def test_what_is_no_duration_is_refused(given: object) -> None:
    with pytest.raises(BadRow):
        values.milliseconds(given, "latency")


def test_a_duration_may_be_text_or_absent() -> None:
    assert values.milliseconds("12.5", "latency") == 12.5
    assert values.milliseconds(None, "latency") is None


def test_text_is_cut_and_loses_control_characters() -> None:
    assert values.text(" a\x00b\u202e ") == "ab"
    assert values.text("x" * 1000) == "x" * 256
    assert values.text(5) == "5"
    assert values.text({"a": 1}) is None
    assert values.text("  ") is None
    assert values.text(None) is None


def test_text_that_must_be_there_is_missed() -> None:
    with pytest.raises(BadRow, match="model is missing"):
        values.required_text("", "model")


def test_block_hashes_are_integers_of_64_bits() -> None:
    assert values.block_hashes([1, -2], "blocks") == [1, -2]
    assert values.block_hashes(None, "blocks") is None
    for wrong in ([1.5], [2**63], "1,2", [0] * 65_537):
        with pytest.raises(BadRow):
            values.block_hashes(wrong, "blocks")


@pytest.mark.parametrize(
    "given",
    [
        "2026-03-01T12:00:00Z",
        "2026-03-01 12:00:00",
        "2026-03-01T14:00:00+02:00",
        "2026-03-01 12:00:00 UTC",
        "2026/03/01 12:00:00",
        "20260301T120000Z",
        "1772366400",
        1772366400,
        1772366400.0,
        1772366400000,
        "1772366400000000",
        "1772366400000000000",
        NOON,
        NOON.replace(tzinfo=None),
        NOON.astimezone(timezone(timedelta(hours=5))),
    ],
)
def test_a_moment_is_read_in_every_common_way_of_writing_it(times: Times, given: object) -> None:
    assert times.read(given, "ts") == NOON


@pytest.mark.parametrize("epoch_ms", ["1712122012345", "1799123123456"])
def test_milliseconds_since_1970_are_not_taken_for_a_date_of_the_middle_ages(epoch_ms: str) -> None:
    reading = Times(datetime(2030, 1, 1, tzinfo=UTC)).read(epoch_ms, "ts")
    assert reading == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(epoch_ms))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "ts is missing"),
        ("", "ts is missing"),
        ("yesterday", "ts is not a time"),
        (True, "ts is not a time"),
        ([], "ts is not a time"),
        (1e300, "ts is not a time"),
        ("x" * 100, "ts is not a time"),
        ("1999-12-31T00:00:00Z", "ts is before 2018"),
        ("0001-01-01T00:00:00+14:00", "ts is not a time"),
        (0, "ts is before 2018"),
        ("2027-01-01T00:00:00Z", "ts is in the future"),
    ],
)
def test_absurd_times_are_refused_with_the_reason(times: Times, given: object, reason: str) -> None:
    with pytest.raises(BadRow) as caught:
        times.read(given, "ts")
    assert caught.value.reason == reason


def test_a_duration_between_clocks_that_disagree_is_unknown() -> None:
    assert values.elapsed_ms(NOON, NOON + timedelta(seconds=1.5)) == 1500
    assert values.elapsed_ms(NOON, NOON - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    "check", ["tokens", "optional_tokens", "money", "milliseconds", "block_hashes", "required_text"]
)
@given(anything=ANYTHING)
def test_whatever_stands_in_a_file_is_a_value_or_a_bad_row(check: str, anything: Any) -> None:
    reason = _reason(lambda: getattr(values, check)(anything, "x"))
    assert reason is None or reason.startswith("x ")


@given(anything=ANYTHING)
def test_whatever_stands_for_a_time_is_a_time_or_a_bad_row(anything: Any) -> None:
    reason = _reason(lambda: Times(NOON).read(anything, "ts"))
    assert reason is None or reason.startswith("ts ")


def _reason(check: Callable[[], Any]) -> str | None:
    try:
        check()
    except BadRow as bad:
        return bad.reason
    return None
