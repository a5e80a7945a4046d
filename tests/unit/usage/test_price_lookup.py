"""List prices, looked up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.price_lookup import price_lookup

NOVEMBER = datetime(2026, 11, 2, 12, tzinfo=UTC)


def only(model: str, at: datetime = NOVEMBER) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = price_lookup([model], at)["models"]
    return found


def test_prices_are_those_of_a_million_tokens_in_each_context() -> None:
    prices = only("gpt-4o")["usd_per_million"]
    assert prices["standard"] == [
        {
            "input": "2.5",
            "cache_read": "1.25",
            "cache_write": "2.5",
            "cache_write_1h": "2.5",
            "output": "10",
            "above_input_tokens": 0,
            "upto_input_tokens": None,
        }
    ]
    assert prices["batch"][0]["input"] == "1.25"


def test_a_context_that_the_list_does_not_know_at_that_time_is_absent() -> None:
    assert "batch" not in only("gpt-4o", datetime(2026, 6, 1, tzinfo=UTC))["usd_per_million"]


def test_tiers_are_shown_with_their_bounds() -> None:
    small, large = only("claude-sonnet-4-5")["usd_per_million"]["standard"]
    assert (small["upto_input_tokens"], large["above_input_tokens"]) == (200_000, 200_000)
    assert (small["input"], large["input"]) == ("3", "6")


def test_hours_are_shown_where_they_matter() -> None:
    assert only("gpt-4o")["by_time_of_day"] == []
    hours = only("deepseek-chat")["by_time_of_day"]
    assert [(hour["from"], hour["input"]) for hour in hours] == [
        ("00:00 UTC", "0.135"),
        ("00:30 UTC", "0.27"),
        ("16:30 UTC", "0.135"),
    ]


def test_the_price_is_that_of_the_asked_time() -> None:
    assert only("o3", datetime(2025, 6, 1))["usd_per_million"]["standard"][0]["input"] == "10"
    assert only("o3")["usd_per_million"]["standard"][0]["input"] == "2"


def test_a_model_that_is_not_sold_by_the_token_is_unpriced() -> None:
    with pytest.raises(ToolError) as caught:
        price_lookup(["whisper-1"], NOVEMBER)
    assert caught.value.code == "UNPRICED_MODEL"


def test_source_and_version_stand_with_the_prices_and_all_is_json() -> None:
    answer = price_lookup(["gpt-4o", "o3"], NOVEMBER)
    assert answer["prices"]["version"]
    assert only("gpt-4o")["urls"]
    assert json.loads(json.dumps(answer)) == answer
