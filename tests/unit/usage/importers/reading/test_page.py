from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.importers.reading import values as single
from netra_backend.app.usage.importers.reading.page import Page, by_row, first_of, length, rows_of
from netra_backend.app.usage.importers.reading.values import MAX_COST_USD, MAX_TEXT, MAX_TOKENS, Times
from netra_backend.app.usage.importers.row import BadRow, NotUsage, UsageRow

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TIMES = Times(NOW)

PLAIN = {
    "counts": st.integers(0, MAX_TOKENS),
    "digits": st.integers(0, 10**13).map(str),
    "amounts": st.floats(0, 1e6),
    "decimals": st.decimals(0, 2 * 10**9, places=6).map(str) | st.sampled_from(["1", "0.5", "2.5e-05", "0.", "007.50"]),
    "words": st.text("ab \u00e9\t", max_size=4) | st.just("x" * (MAX_TEXT + 1)),
    "times": st.datetimes(datetime(2017, 12, 31), datetime(2026, 12, 1)).map(lambda moment: moment.isoformat() + "Z"),
}
ODD = st.none() | st.just("") | st.booleans() | st.integers(-2, 2) | st.floats() | st.text(max_size=3) | st.just([1])
COLUMNS = st.sampled_from(sorted(PLAIN)).flatmap(
    lambda kind: st.lists(PLAIN[kind], min_size=1, max_size=6) | st.lists(PLAIN[kind] | ODD, min_size=1, max_size=6)
)


def _upper(value: Any) -> str:
    if value not in ("a", "b", ""):
        raise BadRow("is no word", value)
    return str(value).upper()


@pytest.mark.parametrize(
    ("together", "alone"),
    [
        (lambda page, values: page.tokens(values, "n"), lambda value: single.tokens(value, "n")),
        (lambda page, values: page.optional_tokens(values, "n"), lambda value: single.optional_tokens(value, "n")),
        (lambda page, values: page.money(values, "n"), lambda value: single.money(value, "n")),
        (lambda page, values: page.milliseconds(values, "n"), lambda value: single.milliseconds(value, "n")),
        (lambda page, values: page.text(values), single.text),
        (lambda page, values: page.of_few(_upper, "", values), lambda value: _upper(value)),
        (
            lambda page, values: [
                moment.astype(datetime).replace(tzinfo=UTC) for moment in page.timestamps(values, "n", TIMES)
            ],
            lambda value: TIMES.read(value, "n"),
        ),
    ],
    ids=["tokens", "optional_tokens", "money", "milliseconds", "text", "of_few", "moments"],
)
@given(values=COLUMNS)
def test_a_column_holds_what_its_values_are_one_by_one_and_refuses_the_same_for_the_same_reasons(
    together: Callable[[Page, list[Any]], list[Any]], alone: Callable[[Any], Any], values: list[Any]
) -> None:
    page = Page([{}] * len(values))
    found = together(page, values)
    assert len(found) == len(values)
    for place, value in enumerate(values):
        try:
            expected = alone(value)
        except BadRow as bad:
            assert page.faults[place].reason == bad.reason  # noqa: PT017 (either this, or the value)
        else:
            assert place not in page.faults
            assert (found[place], type(found[place])) == (expected, type(expected))


@pytest.mark.parametrize("amounts", [[0.5, float("nan")], [float("nan"), 0.5], [0.5, MAX_COST_USD * 2.0]])
def test_one_absurd_amount_among_plain_ones_is_found(amounts: list[float]) -> None:
    page = Page([{}, {}])
    page.money(amounts, "cost")
    assert len(page.faults) == 1


def test_of_several_faults_of_a_record_the_first_is_told() -> None:
    page = Page([{}, {}])
    page.tokens([None, 1], "input")
    page.tokens([None, -1], "output")
    assert {place: fault.reason for place, fault in page.faults.items()} == {
        0: "input is missing",
        1: "output is negative",
    }
    assert page.faults[0].__traceback__ is None


def test_places_with_a_fault_are_left_out_of_the_finished_columns() -> None:
    page = Page([{}] * 3)
    page.refuse(1, BadRow("bad"))
    finished = page.finished({"n": [1, 2, 3], "ts": np.array([1, 2, 3]), "source": "s"})
    assert (finished["n"], np.asarray(finished["ts"]).tolist(), finished["source"]) == ([1, 3], [1, 3], "s")


def test_a_function_of_one_record_becomes_columns() -> None:
    def convert(record: Any) -> UsageRow:
        if "n" not in record:
            raise NotUsage("no call")
        return UsageRow(
            ts=NOW,
            model="m",
            operation="chat",
            status="ok",
            input_tokens=record["n"],
            output_tokens=0,
            source="s",
            granularity="request",
        )

    page = Page([{"n": 1}, {}, {"n": 3}])
    columns = page.finished(by_row(convert)(page))
    assert length(columns) == 2
    assert [(row.input_tokens, row.ts) for row in rows_of(columns, 2)] == [(1, NOW), (3, NOW)]
    assert page.faults[1].reason == "no call"


def test_where_one_column_holds_nothing_the_other_is_asked() -> None:
    assert first_of([1, None], [3, 4]) == [1, 4]
    assert first_of([1, 2], [3, 4]) == [1, 2]
