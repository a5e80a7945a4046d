"""What data there is: how much, from when, of which models, and what it can and cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from .rows import Capability, Rows

MODELS_SHOWN: Final = 50

HOW_TO_IMPORT: Final = {
    "command": "netra import FILE",
    "formats": (
        "LiteLLM spend logs, Langfuse observations, OpenAI usage API, Anthropic usage API, OpenTelemetry GenAI spans, "
        "or any CSV, JSON Lines or Parquet file with a time, a model and token counts; plain, gzip or zip"
    ),
    "example": "netra import spend_logs.jsonl; netra import trace.jsonl --model gpt-4o",
}

_TOTALS: Final = """
SELECT count(*), coalesce(sum(requests), 0), min(ts), max(ts), coalesce(sum(input_tokens), 0), sum(cache_read_tokens),
       sum(cache_write_tokens), coalesce(sum(output_tokens), 0), sum(reasoning_tokens), sum(cost_reported_usd),
       count(*) FILTER (status = 'error'), count(*) FILTER (status = 'gateway_cache'), count(DISTINCT model)
FROM usage
"""
_MODELS: Final = """
SELECT provider, model, count(*) AS rows, sum(requests), sum(input_tokens), sum(output_tokens)
FROM usage GROUP BY ALL ORDER BY sum(input_tokens) + sum(output_tokens) DESC, model, provider LIMIT ?
"""
_DATASETS: Final = """
SELECT dataset_id, name, format, imported_at, rows, rejected, first_ts, last_ts, capabilities, generated, priced_as
FROM datasets ORDER BY imported_at, dataset_id
"""


def data_profile(rows: Rows, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The owner's data in short. With no data it says so, and how to bring some in; it never fails for want of data."""
    datasets = [_dataset(row) for row in rows.execute(_DATASETS).fetchall()]
    totals = rows.execute(_TOTALS).fetchone()
    if totals is None or not totals[0]:
        return profile_without_rows(datasets)
    count, requests, first, last, read_in, cached, written, out, reasoning, cost, failed, answered_here, models = totals
    every = set.intersection(*(set(dataset["capabilities"]) for dataset in datasets))
    some = set.union(*(set(dataset["capabilities"]) for dataset in datasets))
    return {
        "rows": count,
        "requests": int(requests),
        "period": {"from": _iso(first), "to": _iso(last), "days": round((last - first).total_seconds() / 86_400, 2)},
        "tokens": {
            "input": int(read_in),
            "cache_read": _integer(cached),
            "cache_write": _integer(written),
            "output": int(out),
            "reasoning": _integer(reasoning),
        },
        "cost_reported_usd": None if cost is None else str(cost.normalize()),
        "failed_rows": failed,
        "gateway_cache_rows": answered_here,
        "models_count": models,
        "models": [
            {
                "provider": provider,
                "model": model,
                "rows": of_model,
                "requests": _integer(asked),
                "input_tokens": int(tokens_in),
                "output_tokens": int(tokens_out),
            }
            for provider, model, of_model, asked, tokens_in, tokens_out in rows.execute(
                _MODELS, [MODELS_SHOWN]
            ).fetchall()
        ],
        "generated": any(dataset["generated"] for dataset in datasets),
        "priced_as": sorted({dataset["priced_as"] for dataset in datasets if dataset["priced_as"]}),
        "capabilities": sorted(every),
        "capabilities_of_some": sorted(some - every),
        "missing": sorted({capability.value for capability in Capability} - some),
        "datasets": datasets,
    }


def profile_without_rows(datasets: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The profile of an owner who has no rows: it says so, and how to bring some in."""
    return {"rows": 0, "requests": 0, "datasets": list(datasets), "how_to_import": HOW_TO_IMPORT}


def _dataset(row: tuple[Any, ...]) -> dict[str, Any]:
    dataset_id, name, format_, imported_at, count, rejected, first, last, capabilities, generated, priced_as = row
    return {
        "dataset_id": dataset_id,
        "name": name,
        "format": format_,
        "imported_at": _iso(imported_at),
        "rows": count,
        "rejected": rejected,
        "from": _iso(first),
        "to": _iso(last),
        "capabilities": sorted(capabilities),
        "generated": generated,
        "priced_as": priced_as,
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds") + "Z"


def _integer(value: Any) -> int | None:
    return None if value is None else int(value)
