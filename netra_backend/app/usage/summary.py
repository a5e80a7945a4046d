"""``cost_summary``: what was spent, on what, what a unit costs, and how far the figure can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from .money import PICO_PER_USD, percent, usd
from .priced import price_rows
from .pricing import source
from .rows import Rows
from .scope import no_data, where

DIMENSIONS: Final = {
    "model": "model",
    "provider": "provider",
    "team": "team",
    "feature": "feature",
    "user": "end_user",
    "day": "strftime(ts, '%Y-%m-%d')",
    "status": "status",
    "dataset": "dataset_id",
}
"""What spend can be split by → its expression."""

DEFAULT_GROUPS: Final = ("model", "provider", "team", "feature", "day", "dataset")
DEFAULT_LIMIT: Final = 10
MAX_DAYS: Final = 400

_MEASURES: Final = {
    "rows": "count(*)",
    "requests": "sum(n)",
    "cost": "coalesce(sum(cost), 0)",
    "input_tokens": "sum(input_tokens)",
    "cache_read_tokens": "sum(read)",
    "cache_write_tokens": "sum(write)",
    "output_tokens": "sum(output_tokens)",
    "failures": "coalesce(sum(n) FILTER (status = 'error'), 0)",
    "unpriced_rows": "count(*) FILTER (price_id IS NULL)",
}
_TOTALS: Final = {
    **_MEASURES,
    "unpriced_tokens": "coalesce(sum(input_tokens + output_tokens) FILTER (price_id IS NULL), 0)",
    "reported": "sum(cost_reported_usd)",
    "reported_rows": "count(cost_reported_usd)",
    "reported_cost": "coalesce(sum(cost) FILTER (cost_reported_usd IS NOT NULL), 0)",
    "reported_unpriced": "coalesce(sum(cost_reported_usd) FILTER (price_id IS NULL), 0)",
    "unmatched_rows": "count(*) FILTER (NOT context_matched)",
    "unmatched_cost": "coalesce(sum(cost) FILTER (NOT context_matched), 0)",
    "bucket_rows": "count(*) FILTER (granularity <> 'request')",
    "sessions": "count(DISTINCT session_id)",
    "session_cost": "coalesce(sum(cost) FILTER (session_id IS NOT NULL), 0)",
    "first": "min(ts)",
    "last": "max(ts)",
}


def cost_summary(rows: Rows, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The bill at list prices for ``period`` and filters (``usage.scope``), split by each of ``group_by`` into its
    ``limit`` largest parts (days: all, in order). Raises ``ToolError`` ``NO_DATA``."""
    condition, parameters = where(arguments)
    price_rows(rows)
    columns = ", ".join(f"{expression} AS {name}" for name, expression in _TOTALS.items())
    values = rows.execute(f"SELECT {columns} FROM priced WHERE {condition}", parameters).fetchone()  # noqa: S608
    totals = dict(zip(_TOTALS, values or (), strict=True))
    if not totals["rows"]:
        raise no_data(arguments)
    groups = list(dict.fromkeys(arguments.get("group_by") or DEFAULT_GROUPS))
    limit = arguments.get("limit") or DEFAULT_LIMIT
    days = (totals["last"] - totals["first"]).total_seconds() / 86_400
    return {
        "total_usd": usd(totals["cost"]),
        "rows": totals["rows"],
        "requests": int(totals["requests"]),
        "period": {"from": _iso(totals["first"]), "to": _iso(totals["last"]), "days": round(days, 2)},
        "tokens": {name: int(totals[f"{name}_tokens"]) for name in ("input", "cache_read", "cache_write", "output")},
        "unit_economics": _unit_economics(totals),
        "breakdowns": _breakdowns(rows, condition, parameters, groups, limit, totals["cost"]),
        "unpriced": _unpriced(rows, condition, parameters, totals),
        "reported": _reported(totals),
        "standard_price_assumed": {"rows": totals["unmatched_rows"], "usd": usd(totals["unmatched_cost"])},
        "bucket_rows": totals["bucket_rows"],
        "datasets": datasets(rows),
        "prices": source(),
    }


def datasets(rows: Rows) -> list[dict[str, Any]]:
    """The imports behind the rows, oldest first; ``generated`` ones are samples made up for demonstration."""
    found = rows.execute(
        "SELECT dataset_id, name, format, generated, priced_as FROM datasets ORDER BY imported_at, dataset_id"
    ).fetchall()
    names = ("dataset_id", "name", "format", "generated", "priced_as")
    return [dict(zip(names, values, strict=True)) for values in found]


def _iso(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='seconds')}Z"


def _unit_economics(totals: Mapping[str, Any]) -> dict[str, Any]:
    requests, cost = int(totals["requests"]), int(totals["cost"])
    successes = requests - int(totals["failures"])
    return {
        "per_request_usd": _each(cost, requests),
        "per_success_usd": _each(cost, successes),
        "per_session_usd": _each(int(totals["session_cost"]), totals["sessions"]),
        "sessions": totals["sessions"],
        "failure_percent": percent(int(totals["failures"]), requests),
        "cache_hit_percent": percent(int(totals["cache_read_tokens"]), int(totals["input_tokens"])),
        "input_tokens_per_request": _mean(totals["input_tokens"], requests),
        "output_tokens_per_request": _mean(totals["output_tokens"], requests),
    }


def _each(cost: int, count: int) -> str | None:
    return usd(round(cost / count)) if count else None


def _mean(tokens: int, requests: int) -> float | None:
    return round(int(tokens) / requests, 1) if requests else None


def _breakdowns(
    rows: Rows, condition: str, parameters: list[Any], groups: list[str], limit: int, total: int
) -> dict[str, list[dict[str, Any]]]:
    """All splits in one pass over the rows; what is beyond the largest parts is gathered as ``(all others)``."""
    keys = ", ".join(f"{DIMENSIONS[name]} AS key_{name}" for name in groups)
    measures = ", ".join(f"{expression} AS {name}" for name, expression in _MEASURES.items())
    which = "CASE " + " ".join(f"WHEN grouping(key_{name}) = 0 THEN '{name}'" for name in groups) + " END"
    label = "CASE " + " ".join(f"WHEN grouping(key_{name}) = 0 THEN key_{name}" for name in groups) + " END"
    # What is put into the statement are the closed lists above; values are parameters.
    statement = f"""
        WITH keyed AS (SELECT *, {keys} FROM priced WHERE {condition}),
        parts AS (
            SELECT {which} AS dimension, {label} AS part, {measures} FROM keyed
            GROUP BY GROUPING SETS ({", ".join(f"(key_{name})" for name in groups)})
        )
        SELECT * FROM parts
        QUALIFY row_number() OVER (PARTITION BY dimension ORDER BY CASE WHEN dimension = 'day' THEN part END DESC,
            cost DESC, rows DESC, part) <= CASE WHEN dimension = 'day' THEN {MAX_DAYS} ELSE ? END
        ORDER BY dimension, CASE WHEN dimension = 'day' THEN part END, cost DESC, rows DESC, part
        """  # noqa: S608
    found = rows.execute(statement, [*parameters, limit]).fetchall()
    breakdowns: dict[str, list[dict[str, Any]]] = {name: [] for name in groups}
    for dimension, part, *values in found:
        measured = {name: int(value) for name, value in zip(_MEASURES, values, strict=True)}
        cost = measured.pop("cost")
        breakdowns[dimension].append({"key": part, "usd": usd(cost), "percent": percent(cost, int(total)), **measured})
    for name, parts in breakdowns.items():
        rest = int(total) - sum(int(Decimal(part["usd"]) * PICO_PER_USD) for part in parts)
        if rest and name != "day":
            parts.append({"key": "(all others)", "rest": True, "usd": usd(rest), "percent": percent(rest, int(total))})
    return breakdowns


def _unpriced(rows: Rows, condition: str, parameters: list[Any], totals: Mapping[str, Any]) -> dict[str, Any]:
    statement = (
        "SELECT model, provider, count(*), sum(input_tokens + output_tokens) AS tokens FROM priced "  # noqa: S608
        f"WHERE price_id IS NULL AND {condition} GROUP BY ALL ORDER BY tokens DESC, model, provider LIMIT 20"
    )
    models = rows.execute(statement, parameters).fetchall() if totals["unpriced_rows"] else []
    tokens = int(totals["input_tokens"]) + int(totals["output_tokens"])
    return {
        "rows": totals["unpriced_rows"],
        "rows_percent": percent(totals["unpriced_rows"], totals["rows"]),
        "tokens": int(totals["unpriced_tokens"]),
        "tokens_percent": percent(int(totals["unpriced_tokens"]), tokens),
        "models": [
            {"model": model, "provider": provider, "rows": count, "tokens": int(found)}
            for model, provider, count, found in models
        ],
    }


def _reported(totals: Mapping[str, Any]) -> dict[str, Any] | None:
    """The gap between what the source said that rows cost and their list price; ``None`` if it said nothing."""
    if not totals["reported_rows"]:
        return None
    said = int(totals["reported"] * PICO_PER_USD)
    priced = int(totals["reported_cost"])
    return {
        "usd": usd(said),
        "rows": totals["reported_rows"],
        "list_price_usd": usd(priced),
        "gap_usd": usd(said - priced),
        "gap_percent": percent(said - priced, said),
        "of_which_unpriced_usd": usd(int(totals["reported_unpriced"] * PICO_PER_USD)),
    }
