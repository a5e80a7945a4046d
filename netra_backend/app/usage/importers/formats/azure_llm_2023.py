"""The production traces that Azure published in 2023: a time, the tokens of the prompt, the tokens of the answer.

They name no models: a trace is priced as a model that the user names.
"""

from __future__ import annotations

from typing import Final

from ..format import REQUESTS, Format, ImportOptions, Reading, model_needed
from ..reading.batch import Record
from ..reading.page import by_row
from ..reading.records import Head
from ..reading.values import Times, tokens
from ..row import OK, REQUEST, UsageRow


def _recognise(head: Head) -> str | None:
    if head.columns == ("TIMESTAMP", "ContextTokens", "GeneratedTokens"):
        return "the header is TIMESTAMP, ContextTokens, GeneratedTokens"
    return None


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    model = options.model
    if model is None:
        raise model_needed("An Azure trace")

    def convert(record: Record) -> UsageRow:
        return UsageRow(
            ts=times.read(record.get("TIMESTAMP"), "TIMESTAMP"),
            model=model,
            operation="chat",
            status=OK,
            requests=1,
            input_tokens=tokens(record.get("ContextTokens"), "ContextTokens"),
            output_tokens=tokens(record.get("GeneratedTokens"), "GeneratedTokens"),
            source=AZURE_LLM_2023.name,
            granularity=REQUEST,
        )

    return Reading(
        by_row(convert),
        REQUESTS,
        notes=(f"The trace names no model; its rows are priced as {model}.",),
        priced_as=model,
    )


AZURE_LLM_2023: Final = Format("azure_llm_2023", "Azure LLM inference trace 2023 (CSV)", _recognise, _read)
