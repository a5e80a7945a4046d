"""OpenAI's usage API: buckets whose results sum requests of one model, project, user, key, tier and batch flag, as far as the
report was grouped by them. ``input_tokens`` includes ``input_cached_tokens``."""

from __future__ import annotations

from typing import Final

from ...rows import Capability
from ..format import Format, ImportOptions, Reading
from ..reading.batch import Record
from ..reading.page import by_row
from ..reading.records import Head
from ..reading.values import Times, optional_tokens, text, tokens
from ..row import OK, BadRow, NotUsage, UsageRow
from .buckets import results_of, width

_OPERATIONS: Final = {"completions": "chat", "embeddings": "embedding", "moderations": "moderation"}


def _recognise(head: Head) -> str | None:
    if head.has("start_time", "end_time", "results"):
        return "buckets hold start_time, end_time and results"
    return None


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    def convert(record: Record) -> UsageRow:
        get = record.get
        kind = str(get("object") or "organization.usage.completions.result").split(".")
        operation = _OPERATIONS.get(kind[2] if len(kind) > 2 else "")
        if operation is None:
            raise NotUsage("the result counts no tokens (images, audio, storage, sessions)")
        model = text(get("model")) or options.model
        if model is None:
            raise BadRow("model is missing: ask the API to group by model, or name one")
        total = tokens(get("input_tokens"), "input_tokens")
        cached = optional_tokens(get("input_cached_tokens"), "input_cached_tokens")
        if (cached or 0) > total:
            raise BadRow("input_cached_tokens is more than input_tokens", cached)
        return UsageRow(
            ts=times.read(get("start_time"), "start_time"),
            provider="openai",
            model=model,
            operation=operation,
            status=OK,
            requests=optional_tokens(get("num_model_requests"), "num_model_requests"),
            input_tokens=total,
            cache_read_tokens=cached,
            output_tokens=optional_tokens(get("output_tokens"), "output_tokens") or 0,
            feature=text(get("api_key_id")),
            team=text(get("project_id")),
            end_user=text(get("user_id")),
            is_batch=flag if isinstance(flag := get("batch"), bool) else None,
            service_tier=text(get("service_tier")),
            source=OPENAI_USAGE.name,
            granularity=width(times, get("start_time"), get("end_time")),
        )

    return Reading(
        by_row(convert),
        frozenset({Capability.REAL_TIMES}),
        results_of,
        notes=("Rows are sums over buckets of time; feature is the API key, team the project.",),
    )


OPENAI_USAGE: Final = Format("openai_usage", "OpenAI usage API (JSON)", _recognise, _read)
