"""Anthropic's usage and cost reports: buckets whose results sum requests of one model, workspace, key and tier.

``uncached_input_tokens`` leaves the cache out: what was read from it and written to it (for five minutes or an hour) is added
here. Amounts of the cost report are in cents.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from ...rows import Capability
from ..format import Format, ImportOptions, Reading
from ..reading.batch import Record
from ..reading.page import by_row
from ..reading.records import Head
from ..reading.values import Times, mapping, money, optional_tokens, text, tokens
from ..row import OK, BadRow, UsageRow
from .buckets import results_of, width

COST_REPORT: Final = "cost_report"
"""The operation of rows that tell a cost and no tokens."""


def _recognise(head: Head) -> str | None:
    if head.has("starting_at", "ending_at", "results"):
        return "buckets hold starting_at, ending_at and results"
    return None


def _read(head: Head, options: ImportOptions, times: Times) -> Reading:
    def convert(record: Record) -> UsageRow:
        get = record.get
        start, granularity = (
            times.read(get("starting_at"), "starting_at"),
            width(times, get("starting_at"), get("ending_at")),
        )
        team = text(get("workspace_id"))
        if "amount" in record:
            return UsageRow(
                ts=start,
                provider="anthropic",
                model=text(get("model")) or text(get("cost_type")) or "unknown",
                operation=COST_REPORT,
                status=OK,
                input_tokens=0,
                output_tokens=0,
                cost_reported_usd=_from_cents(get("amount")),
                team=team,
                source=ANTHROPIC_USAGE.name,
                granularity=granularity,
            )
        model = text(get("model")) or options.model
        if model is None:
            raise BadRow("model is missing: ask the API to group by model, or name one")
        creation = mapping(get("cache_creation"))
        briefly, for_an_hour = (
            optional_tokens(creation.get(name), f"cache_creation.{name}") or 0
            for name in ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
        )
        written = briefly + for_an_hour
        read = optional_tokens(get("cache_read_input_tokens"), "cache_read_input_tokens") or 0
        tier = text(get("service_tier"))
        return UsageRow(
            ts=start,
            provider="anthropic",
            model=model,
            operation="chat",
            status=OK,
            input_tokens=tokens(get("uncached_input_tokens"), "uncached_input_tokens") + read + written,
            cache_read_tokens=read,
            cache_write_tokens=written,
            cache_write_1h_tokens=for_an_hour,
            output_tokens=tokens(get("output_tokens"), "output_tokens"),
            feature=text(get("api_key_id")),
            team=team,
            is_batch=None if tier is None else tier == "batch",
            service_tier=tier,
            source=ANTHROPIC_USAGE.name,
            granularity=granularity,
        )

    return Reading(
        by_row(convert),
        frozenset({Capability.REAL_TIMES}),
        results_of,
        notes=("Rows are sums over buckets of time, without the number of requests; team is the workspace.",),
    )


def _from_cents(amount: object) -> str:
    cents = money(amount, "amount")
    if cents is None:
        raise BadRow("amount is missing")
    return f"{Decimal(cents) / 100:.12f}"


ANTHROPIC_USAGE: Final = Format("anthropic_usage", "Anthropic usage and cost reports (JSON)", _recognise, _read)
