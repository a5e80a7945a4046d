import json
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.usage.importers.formats.litellm import LITELLM

# Shaped like a row of LiteLLM_SpendLogs; the numbers are made up. prompt_tokens is the sum of all input.
RECORD = {
    "request_id": "chatcmpl-1",
    "call_type": "acompletion",
    "spend": 0.00123,
    "total_tokens": 1300,
    "prompt_tokens": 1200,
    "completion_tokens": 100,
    "startTime": "2026-11-01T10:00:00.000Z",
    "endTime": "2026-11-01T10:00:01.250Z",
    "model": "claude-sonnet-4-5",
    "custom_llm_provider": "anthropic",
    "user": "admin",
    "metadata": {
        "user_api_key_team_alias": "search",
        "additional_usage_values": {"cache_read_input_tokens": 800, "cache_creation_input_tokens": 150},
    },
    "cache_hit": "None",
    "cache_key": "Cache OFF",
    "request_tags": ["User-Agent: openai", "summaries"],
    "team_id": "team-7",
    "end_user": "u-5",
    "session_id": "s-9",
    "status": "success",
}


def test_prompt_tokens_are_taken_as_the_total_with_the_cache_in_it(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(LITELLM, RECORD)
    assert (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens, row.output_tokens) == (1200, 800, 150, 100)


def test_who_and_what_for_are_read_from_where_this_version_tells_them(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(LITELLM, RECORD)
    assert (row.provider, row.model, row.operation, row.status) == ("anthropic", "claude-sonnet-4-5", "chat", "ok")
    assert (row.team, row.feature, row.end_user, row.session_id) == ("search", "summaries", "u-5", "s-9")
    assert (row.latency_ms, row.cost_reported_usd, row.prompt_hash) == (1250, "0.001230000000", None)


def test_newer_versions_tell_the_cache_in_details(converted: Callable[..., Any]) -> None:
    usage = {
        "prompt_tokens_details": {"cached_tokens": 512, "cache_creation_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 64},
    }
    (row,), _ = converted(LITELLM, {**RECORD, "metadata": {"usage_object": usage}})
    assert (row.cache_read_tokens, row.cache_write_tokens, row.reasoning_tokens) == (512, 0, 64)
    assert row.team == "team-7"


def test_columns_of_json_may_be_exported_as_text(converted: Callable[..., Any]) -> None:
    texts = {name: json.dumps(RECORD[name]) for name in ("metadata", "request_tags")}
    (row,), _ = converted(LITELLM, {**RECORD, **texts, "prompt_tokens": "1200", "spend": "0.00123"})
    assert (row.cache_read_tokens, row.feature, row.input_tokens) == (800, "summaries", 1200)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "failure"}, "error"),
        ({"status": None, "metadata": {"status": "failure"}}, "error"),
        ({"cache_hit": "True"}, "gateway_cache"),
        ({"cache_hit": False}, "ok"),
    ],
)
def test_failures_and_answers_from_the_gateways_own_cache_are_told_apart(
    converted: Callable[..., Any], change: Any, status: str
) -> None:
    (row,), _ = converted(LITELLM, {**RECORD, **change})
    assert row.status == status


def test_a_failure_may_have_no_model_but_a_success_may_not(converted: Callable[..., Any]) -> None:
    nameless = {**RECORD, "model": "", "model_group": None}
    rows, stats = converted(LITELLM, {**nameless, "status": "failure"}, nameless)
    assert [row.model for row in rows] == ["unknown"]
    assert stats.as_dict()["rejections"][0]["reason"] == "model is missing"


@pytest.mark.parametrize(
    ("call_type", "operation"),
    [("aembedding", "embedding"), ("aresponses", "chat"), ("", "chat"), ("aimage_generation", "image_generation")],
)
def test_the_call_type_says_what_was_done(converted: Callable[..., Any], call_type: str, operation: str) -> None:
    (row,), _ = converted(LITELLM, {**RECORD, "call_type": call_type})
    assert row.operation == operation


def test_a_cache_key_identifies_the_prompt(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(LITELLM, {**RECORD, "cache_key": "ab" * 32})
    assert row.prompt_hash == "ab" * 32


@pytest.mark.parametrize("tags", [[], "plain", "[broken", None, 5, [5]])
def test_odd_tags_do_no_harm(converted: Callable[..., Any], tags: Any) -> None:
    (row,), _ = converted(LITELLM, {**RECORD, "request_tags": tags})
    assert row.feature in (None, "plain", "[broken")
