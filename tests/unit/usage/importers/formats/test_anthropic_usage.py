from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.usage.importers.formats.anthropic_usage import ANTHROPIC_USAGE

# Shaped like a bucket of the usage report; the numbers are made up. uncached_input_tokens leaves the cache out.
RESULT = {
    "uncached_input_tokens": 1500,
    "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
    "cache_read_input_tokens": 200,
    "output_tokens": 400,
    "model": "claude-sonnet-4-5",
    "service_tier": "standard",
    "workspace_id": "wrk_1",
    "api_key_id": "key_1",
}


def bucket(*results: dict[str, Any]) -> dict[str, Any]:
    return {"starting_at": "2026-10-01T00:00:00Z", "ending_at": "2026-10-02T00:00:00Z", "results": list(results)}


def test_what_was_read_from_and_written_to_the_cache_is_added_to_the_input(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(ANTHROPIC_USAGE, bucket(RESULT))
    assert (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens) == (3200, 200, 1500)
    assert row.cache_write_1h_tokens == 1000
    assert (row.output_tokens, row.requests, row.granularity) == (400, None, "day")
    assert (row.provider, row.team, row.feature) == ("anthropic", "wrk_1", "key_1")


@pytest.mark.parametrize(("tier", "batch"), [("standard", False), ("batch", True), (None, None)])
def test_the_tier_says_whether_it_was_a_batch(converted: Callable[..., Any], tier: Any, batch: Any) -> None:
    (row,), _ = converted(ANTHROPIC_USAGE, bucket({**RESULT, "service_tier": tier}))
    assert row.is_batch is batch


def test_amounts_of_the_cost_report_are_in_cents(converted: Callable[..., Any]) -> None:
    cost = {
        "currency": "USD",
        "amount": "123.45",
        "model": "claude-sonnet-4-5",
        "cost_type": "tokens",
        "workspace_id": "w",
    }
    search = {"currency": "USD", "amount": "1", "model": None, "cost_type": "web_search"}
    rows, _ = converted(ANTHROPIC_USAGE, bucket(cost, search))
    assert [(row.model, row.cost_reported_usd) for row in rows] == [
        ("claude-sonnet-4-5", "1.234500000000"),
        ("web_search", "0.010000000000"),
    ]
    assert [(row.operation, row.input_tokens, row.output_tokens) for row in rows] == [("cost_report", 0, 0)] * 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": None}, "model is missing: ask the API to group by model, or name one"),
        ({"uncached_input_tokens": None}, "uncached_input_tokens is missing"),
        ({"amount": ""}, "amount is missing"),
    ],
)
def test_a_result_that_cannot_be_is_rejected(converted: Callable[..., Any], change: Any, reason: str) -> None:
    _, stats = converted(ANTHROPIC_USAGE, bucket(RESULT), bucket({**RESULT, **change}))
    assert stats.as_dict()["rejections"][0]["reason"] == reason
