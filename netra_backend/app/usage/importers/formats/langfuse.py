"""Langfuse observations, as JSON, JSON Lines or CSV, with the columns of today and those of before.

Langfuse counts each token in one entry of ``usageDetails``: ``input`` leaves out what other entries with ``input`` in their
name tell (cached, written to the cache, audio), ``output`` what reasoning took. The sums are made here. The older columns
``promptTokens`` and ``completionTokens`` are sums already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...rows import Capability
from ..format import REQUESTS, Format, ImportOptions, Reading
from ..reading.batch import Record
from ..reading.page import by_row
from ..reading.records import Head
from ..reading.values import Times, elapsed_ms, milliseconds, money, optional_tokens, required_text, text, tokens
from ..row import ERROR, OK, REQUEST, BadRow, NotUsage, UsageRow
from .litellm import nested

_CALLS: Final = {"GENERATION": "chat", "EMBEDDING": "embedding"}
_CACHE_READ: Final = ("cache_read_input_tokens", "input_cached_tokens", "input_cache_read")
_CACHE_WRITTEN: Final = ("cache_creation_input_tokens", "input_cache_creation", "input_cache_write")
_REASONING: Final = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")


def _recognise(head: Head) -> str | None:
    if head.has("type", "startTime", "traceId") and (head.has("usageDetails") or head.has("promptTokens")):
        return "records have the columns of Langfuse observations (traceId, type, startTime, usageDetails)"
    return None


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    def convert(record: Record) -> UsageRow:
        get = record.get
        operation = _CALLS.get(str(get("type")).upper())
        if operation is None:
            raise NotUsage("the observation is neither a generation nor an embedding")
        start = times.read(get("startTime"), "startTime")
        failed = str(get("level")).upper() == "ERROR"
        used = _used(record, failed)
        model = text(get("model")) or text(get("providedModelName")) or options.model
        costs = nested(get("costDetails"))
        return UsageRow(
            ts=start,
            model=model or ("unknown" if failed else required_text(None, "model")),
            operation=operation,
            status=ERROR if failed else OK,
            requests=1,
            **used,
            latency_ms=elapsed_ms(start, times.read(get("endTime"), "endTime"))
            if get("endTime")
            else _from_seconds(get("latency")),
            cost_reported_usd=money(_first(costs, "total") or get("totalCost") or get("calculatedTotalCost"), "cost"),
            session_id=text(get("sessionId")) or text(get("traceId")),
            request_id=text(get("id")),
            feature=text(get("promptName")) or text(get("name")),
            end_user=text(get("userId")),
            source=LANGFUSE.name,
            granularity=REQUEST,
        )

    return Reading(by_row(convert), REQUESTS | {Capability.STATUSES})


def _used(record: Record, failed: bool) -> dict[str, Any]:
    details = nested(record.get("usageDetails")) or nested(record.get("usage"))
    if not any(details.values()):
        plain_in, plain_out = record.get("promptTokens"), record.get("completionTokens")
        nothing = 0 if failed else None
        return {
            "input_tokens": tokens(nothing if plain_in in (None, "") else plain_in, "promptTokens"),
            "output_tokens": tokens(nothing if plain_out in (None, "") else plain_out, "completionTokens"),
        }
    counted = {
        str(name): tokens(value, "usageDetails")
        for name, value in details.items()
        if name not in ("total", "unit") and isinstance(value, (int, float, str)) and not str(name).endswith("Cost")
    }
    total = optional_tokens(details.get("total"), "usageDetails.total")
    into = sum(value for name, value in counted.items() if "input" in name)
    out_of = sum(value for name, value in counted.items() if "output" in name or name == "reasoning_tokens")
    plain = counted.get("input", 0), counted.get("output", 0)
    if total is not None and into + out_of > total == sum(plain):
        # Written by a program that counts the cached tokens twice: in their entry, and in ``input``.
        into, out_of = plain
    if not into and not out_of and not failed:
        raise BadRow("usageDetails reports no tokens", dict(list(counted.items())[:5]))
    return {
        "input_tokens": into,
        "cache_read_tokens": _first(counted, *_CACHE_READ),
        "cache_write_tokens": _first(counted, *_CACHE_WRITTEN),
        "output_tokens": out_of,
        "reasoning_tokens": _first(counted, *_REASONING),
    }


def _first(entries: Mapping[str, Any], *names: str) -> Any:
    return next((entries[name] for name in names if name in entries), None)


def _from_seconds(value: object) -> float | None:
    seconds = milliseconds(value, "latency")
    return None if seconds is None else seconds * 1000


LANGFUSE: Final = Format("langfuse", "Langfuse observations (JSON, JSON Lines, CSV)", _recognise, _read)
