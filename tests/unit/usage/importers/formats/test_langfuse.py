import json
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.usage.importers.formats.langfuse import LANGFUSE

# Shaped like an observation of the public API; the numbers are made up. ``input`` leaves the cached tokens out.
RECORD = {
    "id": "o-1",
    "traceId": "t-1",
    "type": "GENERATION",
    "name": "answer",
    "environment": "production",
    "startTime": "2026-11-01T10:00:00.000Z",
    "endTime": "2026-11-01T10:00:02.000Z",
    "model": "claude-sonnet-4-5",
    "usageDetails": {
        "input": 50,
        "cache_read_input_tokens": 900,
        "cache_creation_input_tokens": 40,
        "output": 30,
        "total": 1020,
    },
    "costDetails": {"input": 0.001, "output": 0.002, "total": 0.003},
    "promptName": "rag-answer",
    "level": "DEFAULT",
}


def test_cached_tokens_are_added_to_the_input_that_leaves_them_out(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(LANGFUSE, RECORD)
    assert (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens, row.output_tokens) == (990, 900, 40, 30)


def test_reasoning_is_added_to_the_output_that_leaves_it_out(converted: Callable[..., Any]) -> None:
    details = {"input": 20, "input_cached_tokens": 100, "output": 5, "output_reasoning_tokens": 60, "total": 185}
    (row,), _ = converted(LANGFUSE, {**RECORD, "usageDetails": details})
    assert (row.input_tokens, row.cache_read_tokens, row.output_tokens, row.reasoning_tokens) == (120, 100, 65, 60)


def test_where_the_total_shows_that_input_has_the_cache_in_it_nothing_is_added(converted: Callable[..., Any]) -> None:
    details = {"input": 120, "input_cached_tokens": 100, "output": 5, "total": 125}
    (row,), _ = converted(LANGFUSE, {**RECORD, "usageDetails": details})
    assert (row.input_tokens, row.cache_read_tokens, row.output_tokens) == (120, 100, 5)


def test_older_columns_are_read(converted: Callable[..., Any]) -> None:
    old: dict[str, Any] = {
        name: RECORD[name] for name in ("id", "traceId", "type", "name", "startTime", "model", "level")
    }
    old |= {"promptTokens": 70, "completionTokens": 8, "calculatedTotalCost": 0.004, "latency": 1.5}
    (row,), _ = converted(LANGFUSE, old)
    assert (row.input_tokens, row.cache_read_tokens, row.output_tokens) == (70, None, 8)
    assert (row.cost_reported_usd, row.latency_ms, row.session_id) == ("0.004000000000", 1500, "t-1")


def test_the_columns_of_a_csv_hold_json_as_text(converted: Callable[..., Any]) -> None:
    texts = {name: json.dumps(RECORD[name]) for name in ("usageDetails", "costDetails")}
    (row,), _ = converted(LANGFUSE, {**RECORD, **texts})
    assert (row.input_tokens, row.cost_reported_usd, row.feature) == (990, "0.003000000000", "rag-answer")
    assert row.latency_ms == 2000


def test_observations_that_call_no_model_are_skipped_and_counted(converted: Callable[..., Any]) -> None:
    rows, stats = converted(LANGFUSE, RECORD, {**RECORD, "type": "SPAN"}, {**RECORD, "type": "EVENT"})
    assert len(rows) == 1
    assert stats.as_dict()["skipped"] == [
        {"reason": "the observation is neither a generation nor an embedding", "count": 2}
    ]
    assert stats.as_dict()["rejected"] == 0


def test_a_failure_may_tell_no_usage_and_no_model(converted: Callable[..., Any]) -> None:
    failed = {**RECORD, "level": "ERROR", "usageDetails": {}, "model": None, "costDetails": None}
    (row,), _ = converted(LANGFUSE, failed)
    assert (row.status, row.model, row.input_tokens, row.output_tokens) == ("error", "unknown", 0, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"usageDetails": {}}, "promptTokens is missing"),
        ({"usageDetails": {"images": 3}}, "usageDetails reports no tokens"),
        ({"usageDetails": {"input": -5, "output": 1}}, "usageDetails is negative"),
        ({"model": None}, "model is missing"),
    ],
)
def test_a_generation_that_cannot_be_is_rejected(converted: Callable[..., Any], change: Any, reason: str) -> None:
    _, stats = converted(LANGFUSE, RECORD, {**RECORD, **change})
    assert stats.as_dict()["rejections"][0]["reason"] == reason
