"""What Netra's own requests to language models used: one JSON object a request, as ``services.own_usage`` writes them."""

from __future__ import annotations

from typing import Final

from ..format import REQUESTS, Format, ImportOptions, Reading
from ..reading.batch import Record
from ..reading.page import by_row
from ..reading.records import Head
from ..reading.values import Times, optional_tokens, required_text, text, tokens
from ..row import OK, REQUEST, UsageRow


def _recognise(head: Head) -> str | None:
    return "records hold netra_call_id" if head.has("netra_call_id", "run_id", "model") else None


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    def convert(record: Record) -> UsageRow:
        return UsageRow(
            ts=times.read(record.get("ts"), "ts"),
            provider=text(record.get("provider")),
            model=required_text(record.get("model"), "model"),
            operation="chat",
            status=OK,
            requests=1,
            input_tokens=tokens(record.get("input_tokens"), "input_tokens"),
            cache_read_tokens=optional_tokens(record.get("cache_read_tokens"), "cache_read_tokens"),
            cache_write_tokens=optional_tokens(record.get("cache_write_tokens"), "cache_write_tokens"),
            output_tokens=tokens(record.get("output_tokens"), "output_tokens"),
            reasoning_tokens=optional_tokens(record.get("reasoning_tokens"), "reasoning_tokens"),
            session_id=text(record.get("run_id")),
            request_id=text(record.get("netra_call_id")),
            source=NETRA.name,
            granularity=REQUEST,
        )

    return Reading(by_row(convert), REQUESTS)


NETRA: Final = Format("netra", "Netra's own model requests (JSON Lines)", _recognise, _read)
