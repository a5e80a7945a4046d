"""The summary of a bill."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.summary import cost_summary
from test_framework.usage_rows import usage_rows

ROWS: list[dict[str, Any]] = [
    {"team": "a", "session_id": "s", "cost_reported_usd": "0.004"},  # 0.0035
    {"team": "a", "session_id": "s", "status": "error"},  # 0.0035
    {"team": "b", "model": "gpt-4o-mini", "cache_read_tokens": 500, "ts": datetime(2026, 11, 3, 12)},  # 0.0001725
    {"team": None, "model": "no-such-model", "cost_reported_usd": "0.001", "ts": datetime(2026, 11, 4, 12)},
]


def summary(rows: Iterable[Mapping[str, Any]] = ROWS, **arguments: Any) -> dict[str, Any]:
    return cost_summary(usage_rows(rows), arguments)


def test_the_total_is_the_exact_sum_of_list_prices() -> None:
    assert summary()["total_usd"] == "0.0071725"


def test_every_breakdown_sums_to_the_total() -> None:
    found = summary()
    for parts in found["breakdowns"].values():
        assert sum(Decimal(part["usd"]) for part in parts) == Decimal(found["total_usd"])


def test_what_is_beyond_the_limit_is_gathered_in_one_part() -> None:
    parts = summary(group_by=["model"], limit=1)["breakdowns"]["model"]
    assert [(part["key"], part["usd"]) for part in parts] == [("gpt-4o", "0.007"), ("(all others)", "0.0001725")]
    assert parts[-1]["rest"] is True


def test_days_are_all_there_in_order() -> None:
    days = summary(group_by=["day"], limit=1)["breakdowns"]["day"]
    assert [day["key"] for day in days] == ["2026-11-02", "2026-11-03", "2026-11-04"]


def test_unpriced_rows_are_shown_in_rows_and_tokens() -> None:
    assert summary()["unpriced"] == {
        "rows": 1,
        "rows_percent": 25.0,
        "tokens": 1100,
        "tokens_percent": 25.0,
        "models": [{"model": "no-such-model", "provider": "openai", "rows": 1, "tokens": 1100}],
    }


def test_the_gap_to_the_reported_cost_is_shown_with_its_unpriced_part() -> None:
    # Reported 0.004 + 0.001 for rows that cost 0.0035 and nothing that is listed: a gap of 0.0015, of which 0.001 unpriced.
    assert summary()["reported"] == {
        "usd": "0.005",
        "rows": 2,
        "list_price_usd": "0.0035",
        "gap_usd": "0.0015",
        "gap_percent": 30.0,
        "of_which_unpriced_usd": "0.001",
    }


def test_a_source_that_reports_no_cost_has_no_gap() -> None:
    assert summary([{}])["reported"] is None


def test_units_are_requests_successes_and_sessions() -> None:
    units = summary()["unit_economics"]
    assert units["per_request_usd"] == "0.001793125"  # 0.0071725 / 4
    assert units["per_success_usd"] == "0.002390833333"  # / 3
    assert units["per_session_usd"] == "0.007"
    assert (units["failure_percent"], units["cache_hit_percent"]) == (25.0, 12.5)


def test_a_tier_without_a_listed_price_is_flagged_with_its_amount() -> None:
    assert summary([{"service_tier": "warp"}])["standard_price_assumed"] == {"rows": 1, "usd": "0.0035"}


def test_filters_and_periods_narrow_the_bill() -> None:
    assert summary(team="a")["rows"] == 2
    assert summary(period={"from": "2026-11-03", "to": "2026-11-04"})["total_usd"] == "0.0001725"


def test_without_rows_the_answer_is_no_data() -> None:
    with pytest.raises(ToolError) as caught:
        summary([])
    assert caught.value.code == "NO_DATA"


def test_prices_and_datasets_are_named() -> None:
    found = summary()
    assert found["prices"]["list"] == "genai-prices"
    assert found["datasets"][0]["dataset_id"] == "ds_1"


def test_the_answer_is_plain_json() -> None:
    assert json.loads(json.dumps(summary())) == summary()
