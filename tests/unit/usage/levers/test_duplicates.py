"""Exact duplicates, worked out by hand. gpt-4o: 2.50 in, 10 out a million; a row of 1000 in, 100 out costs 0.0035."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.usage.savings import estimate_savings
from test_framework.usage_rows import usage_rows
from tests.unit.usage.levers.conftest import Estimate

EACH = Decimal("0.0035")
HOUR = 3600


def test_repeats_are_saved_while_the_first_answer_is_stored(estimate: Estimate) -> None:
    # One prompt at 0 s, 200 s, 2000 s, 2 h. Each costs 0.0035.
    # 5 min: 200 s is served, 2000 s and 2 h are paid anew          → 1 · 0.0035
    # 1 h:   200 s and 2000 s are served, 2 h is paid anew          → 2 · 0.0035
    # 1 day: all but the first are served                           → 3 · 0.0035
    answer = estimate("duplicates", [{"at": at} for at in (0, 200, 2000, 2 * HOUR)], prompt_hash="h")
    assert (answer["low"], answer["base"], answer["high"]) == (EACH, 2 * EACH, 3 * EACH)
    assert answer["status"] == "ok"
    assert answer["coverage_percent"] == 100


def test_a_repeat_does_not_prolong_the_life_of_the_answer(estimate: Estimate) -> None:
    # 0, 2400, 4800 s within an hour of each other, but 4800 s is beyond the hour of the answer paid at 0: one is served.
    answer = estimate("duplicates", [{"at": at} for at in (0, 2400, 4800)], prompt_hash="h")
    assert answer["base"] == EACH


@pytest.mark.parametrize(
    "difference", [{"prompt_hash": "other"}, {"team": "b"}, {"end_user": "v"}, {"model": "gpt-4o-mini"}]
)
def test_another_prompt_model_or_tenant_is_no_repeat(estimate: Estimate, difference: dict[str, str]) -> None:
    answer = estimate("duplicates", [{"at": 0}, {"at": 5, **difference}], prompt_hash="h", team="a", end_user="u")
    assert answer["status"] == "none_found"


def test_a_failed_request_stores_no_answer(estimate: Estimate) -> None:
    answer = estimate("duplicates", [{"at": 0, "status": "error"}, {"at": 5}], prompt_hash="h")
    assert answer["high"] == 0


def test_without_prompt_hashes_it_says_what_to_log(estimate: Estimate) -> None:
    answer = estimate("duplicates", [{}])
    assert answer["status"] == "not_assessable"
    assert answer["missing"] == ["prompt_hash"]
    assert "hash" in answer["remedy"]


def test_coverage_is_the_part_of_the_bill_that_has_hashes(estimate: Estimate) -> None:
    answer = estimate(
        "duplicates", [{"prompt_hash": "h"}, {"prompt_hash": None}, {"prompt_hash": None}, {"prompt_hash": "i"}]
    )
    assert answer["coverage_percent"] == 50


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 100_000)).map(
            lambda pair: {"prompt_hash": pair[0], "at": pair[1]}
        ),
        min_size=1,
        max_size=40,
    )
)
def test_it_serves_what_a_store_that_is_walked_row_by_row_would_serve(rows: list[dict[str, Any]]) -> None:
    served = 0
    stored: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: row["at"]):
        if row["prompt_hash"] in stored and row["at"] - stored[row["prompt_hash"]] <= HOUR:
            served += 1
        else:
            stored[row["prompt_hash"]] = row["at"]
    (answer,) = estimate_savings(usage_rows(rows), {"levers": ["duplicates"]})["levers"]
    assert Decimal(answer["base_usd"]) == served * EACH
