from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from netra_backend.app.usage.importers.formats.otel import OTEL, attributes

# Shaped like the conventions' own example of a chat span; the numbers are made up. Input includes the cache.
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "resp-1",
    "gen_ai.conversation.id": "conv-1",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 80,
    "gen_ai.usage.cache_read.input_tokens": 600,
    "gen_ai.usage.cache_creation.input_tokens": 100,
    "gen_ai.usage.reasoning.output_tokens": 30,
}


def typed(values: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = {int: "intValue", str: "stringValue", bool: "boolValue", float: "doubleValue"}
    return [
        {"key": key, "value": {kinds[type(value)]: str(value) if type(value) is int else value}}
        for key, value in values.items()
    ]


def span(values: dict[str, Any], **more: Any) -> dict[str, Any]:
    times = {"startTimeUnixNano": "1793527200000000000", "endTimeUnixNano": "1793527201500000000"}
    return {"spanId": "s1", "name": "chat", "attributes": typed(values), **times, **more}


def batch(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resource": {"attributes": typed({"service.name": "shop"})}, "scopeSpans": [{"spans": list(spans)}]}


def test_input_has_the_cache_in_it_already(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(OTEL, batch(span(CALL)))
    assert (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens) == (1000, 600, 100)
    assert (row.output_tokens, row.reasoning_tokens) == (80, 30)


def test_a_span_tells_its_time_its_model_and_its_service(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(OTEL, batch(span(CALL)))
    assert (row.ts, row.latency_ms) == (datetime(2026, 11, 1, 10, tzinfo=UTC), 1500)
    assert (row.provider, row.model, row.operation) == ("openai", "gpt-4o-2024-08-06", "chat")
    assert (row.feature, row.session_id, row.request_id, row.status) == ("shop", "conv-1", "resp-1", "ok")


def test_older_names_are_read(converted: Callable[..., Any]) -> None:
    old = {
        "gen_ai.system": "anthropic",
        "gen_ai.request.model": "claude-3-5-haiku",
        "gen_ai.usage.prompt_tokens": 7,
        "gen_ai.usage.completion_tokens": 3,
    }
    (row,), _ = converted(OTEL, batch(span(old)))
    assert (row.provider, row.model, row.input_tokens, row.output_tokens) == ("anthropic", "claude-3-5-haiku", 7, 3)


def test_spans_one_a_line_with_plain_attributes_are_read(converted: Callable[..., Any]) -> None:
    line: dict[str, Any] = {
        "context": {"span_id": "0xab"},
        "start_time": "2026-11-01T10:00:00Z",
        "attributes": dict(CALL),
    }
    del line["attributes"]["gen_ai.response.id"]
    (row,), _ = converted(OTEL, {**line, "status": {"status_code": "ERROR"}})
    assert (row.request_id, row.status, row.latency_ms) == ("0xab", "error", None)


@pytest.mark.parametrize("operation", ["invoke_agent", "execute_tool", "create_agent"])
def test_spans_above_the_calls_are_not_counted_twice(converted: Callable[..., Any], operation: str) -> None:
    above = span({**CALL, "gen_ai.operation.name": operation})
    plain = span({"http.method": "GET"})
    rows, stats = converted(OTEL, batch(above, span(CALL), plain))
    assert len(rows) == 1
    assert stats.as_dict()["skipped"] == [{"reason": "the span is not a model call", "count": 2}]


def test_a_failed_call_may_tell_no_usage(converted: Callable[..., Any]) -> None:
    failed = span({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}, status={"code": 2})
    (row,), _ = converted(OTEL, batch(failed))
    assert (row.status, row.input_tokens, row.output_tokens) == ("error", 0, 0)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (batch(span({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"})), "the span has no gen_ai.usage"),
        (
            batch(span({**CALL, "gen_ai.usage.input_tokens": 600})),
            "the cached tokens are more than gen_ai.usage.input_tokens",
        ),
        (batch(span(CALL, startTimeUnixNano="x")), "startTimeUnixNano is not a time"),
        ({"scopeSpans": [{"spans": 5}]}, "scopeSpans has no list of spans"),
        ({"scopeSpans": [{"spans": [5]}]}, "a span is not a JSON object"),
    ],
)
def test_a_span_that_cannot_be_is_rejected(converted: Callable[..., Any], wrong: Any, reason: str) -> None:
    rows, stats = converted(OTEL, batch(span(CALL)), wrong)
    assert len(rows) == 1
    assert stats.as_dict()["rejections"][0]["reason"] == reason


def test_attributes_of_any_shape_become_a_plain_dict() -> None:
    assert attributes([{"key": "a", "value": {"intValue": "3"}}, {"key": "b", "value": 4}, 5, {"x": 1}]) == {
        "a": "3",
        "b": 4,
    }
    assert attributes({"a": 1}) == {"a": 1}
    assert attributes(None) == {}
