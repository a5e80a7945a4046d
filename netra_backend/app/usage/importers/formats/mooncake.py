"""Traces of the Mooncake project: offsets in ms, lengths, and the hashes of the prompt's blocks of 512 tokens.

A trace names neither models nor dates: it is priced as a model that the user names, and begins when the user says.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ...rows import Capability
from ..format import Format, ImportOptions, Reading, model_needed
from ..reading.batch import Record
from ..reading.page import by_row
from ..reading.records import Head
from ..reading.values import Times, block_hashes, milliseconds, tokens
from ..row import OK, REQUEST, BadRow, UsageRow

BLOCK_TOKENS: Final = 512
DEFAULT_START: Final = "2026-11-02T00:00:00Z"
"""A Monday, so that weekdays and weekends fall where a reader expects them."""


def _recognise(head: Head) -> str | None:
    if head.has("timestamp", "input_length", "output_length", "hash_ids"):
        return "records hold timestamp, input_length, output_length and hash_ids"
    return None


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    model = options.model
    if model is None:
        raise model_needed("A Mooncake trace")
    start = times.read(options.start or DEFAULT_START, "start")

    def convert(record: Record) -> UsageRow:
        offset = milliseconds(record.get("timestamp"), "timestamp")
        if offset is None:
            raise BadRow("timestamp is missing")
        input_tokens = tokens(record.get("input_length"), "input_length")
        blocks = block_hashes(record.get("hash_ids"), "hash_ids")
        if blocks is not None and not (len(blocks) - 1) * BLOCK_TOKENS <= input_tokens <= len(blocks) * BLOCK_TOKENS:
            raise BadRow("hash_ids do not cover input_length in blocks of 512", len(blocks))
        return UsageRow(
            ts=start + timedelta(milliseconds=offset),
            model=model,
            operation="chat",
            status=OK,
            requests=1,
            input_tokens=input_tokens,
            output_tokens=tokens(record.get("output_length"), "output_length"),
            prefix_blocks=blocks,
            block_tokens=None if blocks is None else BLOCK_TOKENS,
            source=MOONCAKE.name,
            granularity=REQUEST,
        )

    return Reading(
        by_row(convert),
        frozenset({Capability.PER_REQUEST}),
        notes=(
            f"The trace names no model; its rows are priced as {model}.",
            f"The trace has offsets instead of dates; its start is assumed to be {start.isoformat()}.",
        ),
        priced_as=model,
    )


MOONCAKE: Final = Format("mooncake", "Mooncake trace (JSON Lines)", _recognise, _read)
