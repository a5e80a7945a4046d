"""Rounds of coding agents as TraceLab publishes them: one JSON object a round, with model, prefix and timed events.

``input_tokens_total`` includes the cached prefix. Of the Claude rounds the cache creation is told apart; for others the
prefix is what was read from the cache and nothing says what was written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ..format import REQUESTS, Format, ImportOptions, Reading
from ..reading.batch import Record
from ..reading.page import by_row
from ..reading.records import Head
from ..reading.values import Times, elapsed_ms, optional_tokens, required_text, text, tokens
from ..row import ERROR, OK, REQUEST, BadRow, UsageRow

_PROVIDERS: Final = {"claude": "anthropic", "codex": "openai", "gemini": "google"}


def _recognise(head: Head) -> str | None:
    if head.has("round_id", "input_tokens_total", "prefix_tokens", "timing_events"):
        return "records hold round_id, input_tokens_total, prefix_tokens and timing_events"
    return None


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    def convert(record: Record) -> UsageRow:
        first, last = _span(record.get("timing_events"), times)
        total = tokens(record.get("input_tokens_total"), "input_tokens_total")
        read = optional_tokens(record.get("claude_cache_read_input_tokens"), "claude_cache_read_input_tokens")
        if read is None:
            read = optional_tokens(record.get("prefix_tokens"), "prefix_tokens")
        written = optional_tokens(
            record.get("claude_cache_creation_input_tokens"), "claude_cache_creation_input_tokens"
        )
        if (read or 0) + (written or 0) > total:
            raise BadRow("the cached tokens are more than input_tokens_total", total)
        store = required_text(record.get("provider"), "provider")
        return UsageRow(
            ts=first,
            provider=_PROVIDERS.get(store, store),
            model=required_text(record.get("model"), "model"),
            operation="chat",
            status=ERROR if record.get("error") else OK,
            requests=1,
            input_tokens=total,
            cache_read_tokens=read,
            cache_write_tokens=written,
            output_tokens=tokens(record.get("output_tokens"), "output_tokens"),
            reasoning_tokens=optional_tokens(record.get("reasoning_output_tokens"), "reasoning_output_tokens"),
            latency_ms=elapsed_ms(first, last),
            session_id=text(record.get("session_id")),
            request_id=text(record.get("round_id")),
            feature=text(record.get("project")),
            source=TRACELAB.name,
            granularity=REQUEST,
        )

    return Reading(by_row(convert), REQUESTS)


def _span(events: Any, times: Times) -> tuple[datetime, datetime]:
    if not isinstance(events, list) or not events:
        raise BadRow("timing_events is missing")
    moments = [
        times.read(event.get("timestamp"), "timing_events.timestamp") for event in events if isinstance(event, dict)
    ]
    if not moments:
        raise BadRow("timing_events has no times")
    return min(moments), max(moments)


TRACELAB: Final = Format("tracelab", "TraceLab rounds of coding agents (JSON Lines)", _recognise, _read)
