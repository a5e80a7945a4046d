"""All levers together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.limits import Limits
from netra_backend.app.usage.savings import LEVERS, combine_savings, estimate_savings
from test_framework.usage_rows import usage_rows

NIGHTLY = {"feature": "nightly", "prompt_hash": "h"}


def by_lever(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {lever["lever"]: lever for lever in answer["levers"]}


def test_each_lever_works_on_what_the_one_before_it_left() -> None:
    # Two equal rows of 0.0035 in nightly work. Alone: duplicates 0.0035, batch half of both = 0.0035: together 100 %.
    # In order: duplicates 0.0035, then batch half of the one that is left = 0.00175: 0.00525 in all.
    rows = usage_rows([NIGHTLY, {**NIGHTLY, "at": 90}])
    alone = by_lever(estimate_savings(rows, {"levers": ["duplicates", "batch"]}))
    combined = combine_savings(rows, {"levers": ["duplicates", "batch"]})
    assert (alone["duplicates"]["base_usd"], alone["batch"]["base_usd"]) == ("0.0035", "0.0035")
    assert by_lever(combined)["batch"]["base_usd"] == "0.00175"
    assert combined["total"]["base_usd"] == "0.00525"
    assert combined["total"]["remaining_usd"]["base"] == "0.00175"
    assert combined["total"]["percent_of_bill"]["base"] == 75.0


def test_a_failure_that_is_paid_for_is_not_also_made_cheaper() -> None:
    # One failed request with output (0.0035) of nightly work: stopped, it is not sent as batch.
    combined = by_lever(combine_savings(usage_rows([{**NIGHTLY, "status": "error"}, NIGHTLY]), {}))
    assert combined["retries"]["base_usd"] == "0.0035"
    assert combined["batch"]["base_usd"] == "0.00175"


def test_every_lever_answers_with_the_same_fields() -> None:
    answer = combine_savings(usage_rows([{}]), {})
    assert [lever["lever"] for lever in answer["levers"]] == [lever.name for lever in LEVERS]
    for lever in answer["levers"]:
        assert lever["status"] in {"ok", "none_found", "not_assessable"}
        if lever["status"] == "not_assessable":
            assert lever["missing"]
            assert lever["remedy"]
        else:
            assert lever["assumptions"]
            assert {"low_usd", "base_usd", "high_usd", "coverage_percent", "confidence", "top"} <= lever.keys()
    assert json.loads(json.dumps(answer)) == answer


def test_the_kinds_that_a_saving_comes_from_are_named_largest_first() -> None:
    rows: list[dict[str, Any]] = [
        {**NIGHTLY, "prompt_hash": None},
        {"feature": "batch", "requests": 1},
        {"feature": "batch"},
    ]
    top = by_lever(estimate_savings(usage_rows(rows), {}))["batch"]["top"]
    assert top == [
        {"model": "gpt-4o", "feature": "batch", "usd": "0.0035", "requests": 2},
        {"model": "gpt-4o", "feature": "nightly", "usd": "0.00175", "requests": 1},
    ]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (range(6), False),
        (range(7), True),
        (range(0, 14, 2), True),
        ([0, 1, 2, 3, 4, 5, 60], False),  # seven days of usage, and most of the span without any
        ([0, 60], False),
    ],
    ids=["six days", "seven days", "every other day", "a long gap", "two days far apart"],
)
def test_a_month_is_extrapolated_from_seven_days_of_usage_at_least(days: Sequence[int], told: bool) -> None:
    start = datetime(2026, 9, 1)
    rows = usage_rows([{"ts": start + timedelta(days=day)} for day in days])
    assert (combine_savings(rows, {})["month"] is not None) is told


def test_a_month_is_thirty_days_at_the_same_pace() -> None:
    start = datetime(2026, 10, 20)
    rows = usage_rows([{**NIGHTLY, "ts": start + timedelta(days=day)} for day in range(11)])
    # Eleven requests of 0.0035 in ten days → 0.1155; batch saves half of it.
    month = combine_savings(rows, {"levers": ["batch"]})["month"]
    assert (month["bill_usd"], month["base_usd"]) == ("0.1155", "0.05775")


def test_assumed_times_make_no_month() -> None:
    start = datetime(2026, 9, 1)
    rows = usage_rows([{"ts": start}, {"ts": start + timedelta(days=30)}], capabilities=["per_request"])
    assert combine_savings(rows, {})["month"] is None


def test_without_rows_the_answer_is_no_data() -> None:
    with pytest.raises(ToolError) as caught:
        estimate_savings(usage_rows([]), {})
    assert caught.value.code == "NO_DATA"


def test_a_log_beyond_the_bound_is_cut_to_its_newest_rows_and_says_so() -> None:
    answer = combine_savings(usage_rows([{"at": at} for at in range(10)]), {}, Limits(savings_rows=3))
    assert (answer["rows"], answer["newest_rows_only"]) == (3, True)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "at": st.integers(0, 4000),
                "model": st.sampled_from(["gpt-4o", "gpt-4o-mini", "o3", "no-such-model"]),
                "status": st.sampled_from(["ok", "ok", "error", "gateway_cache"]),
                "prompt_hash": st.sampled_from([None, "a", "b"]),
                "session_id": st.sampled_from([None, "s", "t"]),
                "feature": st.sampled_from(["chat", "nightly"]),
                "input_tokens": st.integers(0, 9000),
                "cache_read_tokens": st.sampled_from([None, 0, 2000]),
                "output_tokens": st.integers(0, 2000),
                "prefix_blocks": st.sampled_from([None, [1, 2, 3, 4, 5, 6]]),
                "block_tokens": st.just(512),
            }
        ),
        min_size=1,
        max_size=30,
    )
)
def test_no_log_can_make_the_savings_exceed_the_bill_or_a_lever_cost_money(rows: list[dict[str, Any]]) -> None:
    answer = combine_savings(usage_rows(rows), {"evaluated_share": 1.0, "batch_features": ["chat"]})
    bill = Decimal(answer["bill_usd"])
    for scenario in ("low", "base", "high"):
        parts = [Decimal(lever[f"{scenario}_usd"]) for lever in answer["levers"] if f"{scenario}_usd" in lever]
        assert min(parts) >= 0
        assert max(parts) <= bill + Decimal("1e-9")
        assert Decimal(answer["total"][f"{scenario}_usd"]) <= bill + Decimal("1e-9")
    base = sum(Decimal(lever["base_usd"]) for lever in answer["levers"] if "base_usd" in lever)
    assert abs(base - Decimal(answer["total"]["base_usd"])) <= Decimal("1e-9")
    for lever in answer["levers"]:
        if "base_usd" in lever:
            assert Decimal(lever["low_usd"]) <= Decimal(lever["base_usd"]) <= Decimal(lever["high_usd"])
