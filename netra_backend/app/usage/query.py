"""``database_query``: counts, tokens, latency and error rates by chosen dimensions, without a word of SQL from outside.

Names come from the lists below and values travel as parameters, so that there is nothing to inject into.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from ..core import validation
from ..core.errors import QueryRejected, ToolError
from ..core.limits import USUAL, Limits
from ..core.quoting import quoted_whole
from .profile import HOW_TO_IMPORT
from .rows import Rows

MAX_VALUES: Final = 100

METRICS: Final[Mapping[str, str]] = {
    "rows": "count(*)",
    "requests": "sum(requests)",
    "input_tokens": "sum(input_tokens)",
    "uncached_input_tokens": "sum(input_tokens - coalesce(cache_read_tokens, 0) - coalesce(cache_write_tokens, 0))",
    "cache_read_tokens": "sum(cache_read_tokens)",
    "cache_write_tokens": "sum(cache_write_tokens)",
    "output_tokens": "sum(output_tokens)",
    "reasoning_tokens": "sum(reasoning_tokens)",
    "total_tokens": "sum(input_tokens + output_tokens)",
    "average_input_tokens": "avg(input_tokens)",
    "average_output_tokens": "avg(output_tokens)",
    "cache_hit_rate": "sum(cache_read_tokens) / nullif(sum(input_tokens) FILTER (cache_read_tokens IS NOT NULL), 0)",
    "errors": "count(*) FILTER (status = 'error')",
    "error_rate": "avg((status = 'error')::INTEGER)",
    "average_latency_ms": "avg(latency_ms)",
    "p50_latency_ms": "quantile_cont(latency_ms, 0.5)",
    "p95_latency_ms": "quantile_cont(latency_ms, 0.95)",
    "p99_latency_ms": "quantile_cont(latency_ms, 0.99)",
    "max_latency_ms": "max(latency_ms)",
    "models": "count(DISTINCT model)",
    "sessions": "count(DISTINCT session_id)",
    "end_users": "count(DISTINCT end_user)",
    "cost_reported_usd": "sum(cost_reported_usd)",
}

COLUMNS_OF_GROUPS: Final = (
    "model",
    "provider",
    "operation",
    "status",
    "team",
    "feature",
    "end_user",
    "session_id",
    "service_tier",
    "is_batch",
    "source",
    "dataset_id",
)
_TIMES: Final[Mapping[str, str]] = {
    "hour": "date_trunc('hour', {ts})",
    "day": "date_trunc('day', {ts})::DATE",
    "week": "date_trunc('week', {ts})::DATE",
    "month": "date_trunc('month', {ts})::DATE",
    "weekday": "dayname({ts})",
    "hour_of_day": "hour({ts})",
}
DIMENSIONS: Final = (*COLUMNS_OF_GROUPS, *_TIMES)
_LOCAL_TS: Final = "timezone(?, timezone('UTC', ts))"
_NUMBERS: Final = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "latency_ms",
)
FILTERED: Final = (*COLUMNS_OF_GROUPS, *_NUMBERS, "request_id", "prompt_hash")
_COMPARISONS: Final[Mapping[str, str]] = {
    "=": "{column} = ?",
    "!=": "{column} IS DISTINCT FROM ?",
    "<": "{column} < ?",
    "<=": "{column} <= ?",
    ">": "{column} > ?",
    ">=": "{column} >= ?",
    "contains": "contains(lower({column}), lower(?))",
}

Scalar = str | int | float | bool
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "contains", "in", "not_in", "is_null", "not_null"]


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition: ``column`` is one of ``FILTERED``; ``value`` is a list for ``in`` and ``not_in``."""

    column: str
    op: Operator = "="
    value: Scalar | list[Scalar] | None = None


class Period(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """From (included) and to (excluded), as ISO 8601 in UTC; either may be left out."""

    from_: datetime | None = None
    to: datetime | None = None


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``database_query`` takes. ``order_by`` is a metric (largest first) or a dimension; by default dimensions of time
    go up and all else goes by the first metric. ``timezone`` is where hours and days are cut."""

    metrics: list[str] = msgspec.field(default_factory=lambda: ["requests"])
    group_by: list[str] = []
    filters: list[Filter] = []
    period: Period | None = None
    order_by: str | None = None
    limit: int = 100
    timezone: str = "UTC"


def database_query(rows: Rows, arguments: Mapping[str, Any], limits: Limits = USUAL) -> dict[str, Any]:
    """Answer one structured query: ``{columns, rows, truncated}``.

    Raises ``QueryRejected`` for names that are not in the lists, ``ToolError``: ``INVALID_ARGUMENTS``, ``NO_DATA``.
    """
    try:
        query = msgspec.convert(dict(arguments), Query)
    except msgspec.ValidationError as error:
        raise ToolError("INVALID_ARGUMENTS", f"The query is not valid: {error}.", hint=_HINT) from None
    if (wrong := _wrong(query, limits.answer_rows)) is not None:
        raise QueryRejected(
            wrong, point=validation.QUERY_STRUCTURE, hint=f"{_HINT} Limit: at most {limits.answer_rows}."
        )
    if not rows.execute("SELECT 1 FROM usage LIMIT 1").fetchall():
        raise ToolError("NO_DATA", "There are no usage rows yet.", hint=f"Import some: {HOW_TO_IMPORT['command']}.")
    sql, parameters = _compiled(query)
    found = rows.execute(sql, parameters).fetchall()
    return {
        "columns": [*query.group_by, *query.metrics],
        "rows": [[_plain(value) for value in row] for row in found[: query.limit]],
        "truncated": len(found) > query.limit,
        "timezone": query.timezone,
    }


def _wrong(query: Query, most_rows: int) -> str | None:
    """What is not in the lists, in words."""
    for name in query.metrics:
        if name not in METRICS:
            return f"There is no metric {quoted_whole(name)}"
    for name in query.group_by:
        if name not in DIMENSIONS:
            return f"There is no dimension {quoted_whole(name)}"
    for condition in query.filters:
        if condition.column not in FILTERED:
            return f"There is no filter for {quoted_whole(condition.column)}"
        if isinstance(condition.value, list) != (condition.op in ("in", "not_in")):
            return f"A filter with {condition.op} takes {'a list' if 'in' in condition.op else 'one value'}"
        if isinstance(condition.value, list) and not 0 < len(condition.value) <= MAX_VALUES:
            return f"The list in a filter must have 1 to {MAX_VALUES} values"
        if condition.value is None and condition.op not in ("is_null", "not_null"):
            return f"A filter with {condition.op} needs a value"
    if not 1 <= query.limit <= most_rows:
        return f"The limit must be 1 to {most_rows}"
    if not query.metrics or len(query.metrics) > len(METRICS) or len(query.group_by) > 6 or len(query.filters) > 20:
        return "A query needs at least 1 metric, and can have at most 6 dimensions and 20 filters"
    if len({*query.metrics, *query.group_by}) != len(query.metrics) + len(query.group_by):
        return "A name is used twice"
    if query.order_by is not None and query.order_by not in (*query.metrics, *query.group_by):
        return "The order names neither a metric nor a dimension of the query"
    return None


_HINT: Final = f"Metrics: {', '.join(METRICS)}. Dimensions: {', '.join(DIMENSIONS)}. Filters: {', '.join(FILTERED)}."


def _compiled(query: Query) -> tuple[str, list[Any]]:
    parameters: list[Any] = []
    columns: list[str] = []
    for name in query.group_by:
        if name in _TIMES:
            columns.append(f'{_TIMES[name].format(ts=_LOCAL_TS)} AS "{name}"')
            parameters.append(query.timezone)
        else:
            columns.append(f'{name} AS "{name}"')
    columns += [f'{METRICS[name]} AS "{name}"' for name in query.metrics]
    conditions = [_condition(condition, parameters) for condition in query.filters]
    if query.period is not None:
        for comparison, moment in ((">=", query.period.from_), ("<", query.period.to)):
            if moment is not None:
                conditions.append(f"ts {comparison} ?")
                parameters.append(_utc(moment))
    parameters.append(query.limit + 1)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    grouped = f" GROUP BY {', '.join(str(n + 1) for n in range(len(query.group_by)))}" if query.group_by else ""
    return f"SELECT {', '.join(columns)} FROM usage{where}{grouped}{_ordered(query)} LIMIT ?", parameters  # noqa: S608


def _utc(moment: datetime) -> datetime:
    """As the table has its times: in UTC, without saying so."""
    try:
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # within a day of the calendar's ends, where no row lies
        return moment.replace(tzinfo=None)


def _condition(condition: Filter, parameters: list[Any]) -> str:
    column = condition.column
    if condition.op == "is_null":
        return f"{column} IS NULL"
    if condition.op == "not_null":
        return f"{column} IS NOT NULL"
    if isinstance(condition.value, list):
        parameters.extend(condition.value)
        marks = ", ".join("?" for _ in condition.value)
        return f"{column} IN ({marks})" if condition.op == "in" else f"({column} NOT IN ({marks}) OR {column} IS NULL)"
    parameters.append(condition.value)
    return _COMPARISONS[condition.op].format(column=column)


def _ordered(query: Query) -> str:
    names = [query.order_by] if query.order_by is not None else [name for name in query.group_by if name in _TIMES]
    order = [f'"{name}" {"DESC NULLS LAST" if name in query.metrics else "ASC"}' for name in names]
    if not names:
        order.append(f'"{query.metrics[0]}" DESC NULLS LAST')
    # Ties are broken, so that the same question has the same answer on every replay.
    order += [f'"{name}" ASC' for name in query.group_by if name not in names]
    return f" ORDER BY {', '.join(order)}"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value
