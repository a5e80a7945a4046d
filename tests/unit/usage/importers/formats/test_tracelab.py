from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from netra_backend.app.usage.importers.formats.tracelab import TRACELAB

CLAUDE = {
    "provider": "claude",
    "project": "p1",
    "session_id": "s1",
    "round_id": "r1",
    "model": "claude-opus-4-8",
    "input_tokens_total": 1000,
    "prefix_tokens": 600,
    "claude_cache_creation_input_tokens": 300,
    "claude_cache_read_input_tokens": 600,
    "output_tokens": 50,
    "reasoning_output_tokens": None,
    "timing_events": [{"timestamp": "2026-06-01T05:40:20.000Z"}, {"timestamp": "2026-06-01T05:40:22.500Z"}],
}
CODEX = {
    **CLAUDE,
    "provider": "codex",
    "model": "gpt-5.4",
    "claude_cache_creation_input_tokens": None,
    "claude_cache_read_input_tokens": None,
    "reasoning_output_tokens": 20,
}


def test_the_total_includes_what_was_read_from_and_written_to_the_cache(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(TRACELAB, CLAUDE)
    assert (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens) == (1000, 600, 300)
    assert (row.provider, row.session_id, row.request_id, row.feature) == ("anthropic", "s1", "r1", "p1")
    assert (row.ts, row.latency_ms) == (datetime(2026, 6, 1, 5, 40, 20, tzinfo=UTC), 2500)


def test_where_nothing_tells_what_was_written_it_stays_unknown(converted: Callable[..., Any]) -> None:
    (row,), _ = converted(TRACELAB, CODEX)
    assert (row.provider, row.cache_read_tokens, row.cache_write_tokens) == ("openai", 600, None)
    assert row.reasoning_tokens == 20


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"timing_events": []}, "timing_events is missing"),
        ({"timing_events": [1]}, "timing_events has no times"),
        ({"input_tokens_total": 800}, "the cached tokens are more than input_tokens_total"),
        ({"provider": None}, "provider is missing"),
    ],
)
def test_a_round_that_cannot_be_is_rejected(converted: Callable[..., Any], change: Any, reason: str) -> None:
    _, stats = converted(TRACELAB, CLAUDE, {**CLAUDE, **change})
    assert stats.as_dict()["rejections"][0]["reason"] == reason


def test_the_published_rounds_cost_what_their_authors_say(opened: Callable[..., Any]) -> None:
    prices = {"claude-opus-4-8": (5, 0.5, 6.25, 25), "gpt-5.4": (2.5, 0.25, 0, 15)}
    cost = 0.0
    rows = opened("tracelab/example_sessions_sanitized_round_trace.jsonl")
    for row in rows:
        fresh, read, written, out = prices[row.model]
        plain = row.input_tokens - row.cache_read_tokens - (row.cache_write_tokens or 0)
        cost += plain * fresh + row.cache_read_tokens * read + (row.cache_write_tokens or 0) * written
        cost += row.output_tokens * out
    assert len(rows) == 19
    assert cost / 1e6 == pytest.approx(0.668971, abs=1e-6)
