"""The tools that read a user's usage data and the price list.

Whose data is read comes from the context alone. All but ``price_lookup`` are questions to the ledger, which answers them in a
child process over that owner's rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from ...ports import Ledger
from ...services.user_execution_context import UserExecutionContext
from ...usage.query import Filter
from .definition import Tool, ToolArguments

MAX_NAME: Final = 256
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
LeverName = Literal[
    "duplicates",
    "retries",
    "right_size",
    "prompt_cache",
    "batch",
    "output_length",
    "prompt_trim",
    "context_growth",
    "provider_change",
    "off_peak",
]
DimensionName = Literal["model", "provider", "team", "feature", "user", "day", "status", "dataset"]


class Period(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"from_": "from"}):
    """From (included) and to (excluded), ISO 8601, UTC if no offset is given; either may be left out."""

    from_: datetime | None = None
    to: datetime | None = None


class NoArguments(ToolArguments, frozen=True):
    """None."""


class Scoped(ToolArguments, frozen=True):
    """Which rows: a period, and equality filters."""

    period: Period | None = None
    dataset_id: Name | None = None
    provider: Name | None = None
    model: Name | None = None
    team: Name | None = None
    feature: Name | None = None
    end_user: Name | None = None
    operation: Name | None = None


class CostSummary(Scoped, frozen=True):
    """``group_by``: what to split the bill by, each into its ``limit`` largest parts (days: all)."""

    group_by: Annotated[tuple[DimensionName, ...], msgspec.Meta(max_length=8)] = ()
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10


class Savings(Scoped, frozen=True):
    """``levers``: which (none named: all). ``batch_features``: features whose answers may take a day. ``evaluated_share``: the
    share of small requests for which an evaluation showed that the smaller model does as well."""

    levers: Annotated[tuple[LeverName, ...], msgspec.Meta(max_length=10)] = ()
    batch_features: Annotated[tuple[Name, ...], msgspec.Meta(max_length=100)] = ()
    evaluated_share: Share = 0.0


class WhatIf(Scoped, frozen=True):
    """Suppose that the rows in scope ran on ``to_model``, came ``volume_factor`` times as often, or read ``cache_read_share`` of
    their input from the cache; any of the three together."""

    to_model: Name | None = None
    to_provider: Name | None = None
    volume_factor: Annotated[float, msgspec.Meta(ge=0, le=10_000)] = 1.0
    cache_read_share: Share | None = None


class Anomalies(Scoped, frozen=True):
    """``floor_usd``: a jump of less than this is none."""

    floor_usd: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 1.0


class Forecast(Scoped, frozen=True):
    """``budget_usd``: to be compared with the end of the month."""

    budget_usd: Annotated[float, msgspec.Meta(gt=0, le=1e12)] | None = None


class PriceLookup(ToolArguments, frozen=True):
    """``at``: the moment whose price is asked for."""

    models: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=10)]
    at: datetime
    provider: Name | None = None


class DatabaseQuery(ToolArguments, frozen=True, rename={"from_": "from"}):
    """A structured query; its names and its limit are checked where it is answered."""

    metrics: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=20)] = ("requests",)
    group_by: Annotated[tuple[Name, ...], msgspec.Meta(max_length=6)] = ()
    filters: Annotated[tuple[Filter, ...], msgspec.Meta(max_length=20)] = ()
    period: Period | None = None
    order_by: Name | None = None
    limit: Annotated[int, msgspec.Meta(ge=1)] = 100
    timezone: Name = "UTC"


_QUESTIONS: Final[tuple[tuple[str, type[ToolArguments], str], ...]] = (
    (
        "data_profile",
        NoArguments,
        "What usage data there is: since when, for which models, and what it can and cannot show.",
    ),
    (
        "database_query",
        DatabaseQuery,
        "Counts, tokens, latency and error rates by chosen dimensions, filters and period.",
    ),
    (
        "cost_summary",
        CostSummary,
        "The bill at list prices, split as you choose, with unit costs and what is unpriced.",
    ),
    ("estimate_savings", Savings, "What each savings opportunity would bring by itself; the figures overlap."),
    (
        "combine_savings",
        Savings,
        (
            "The savings opportunities one after the other, each applied to what the ones before it leave, and "
            "the totals."
        ),
    ),
    (
        "what_if",
        WhatIf,
        ("The bill if the requests had run on another model, at another volume or with another cache rate."),
    ),
    ("detect_anomalies", Anomalies, "The days or hours when spend jumped or dropped, and the cause."),
    ("forecast_spend", Forecast, "The bill at the end of the month (low, base and high), compared with a budget."),
)


TOOL_NAMES: Final = (*(name for name, _, _ in _QUESTIONS), "price_lookup")
"""The names of these tools, in order."""


def usage_tools(ledger: Ledger) -> tuple[Tool[Any], ...]:
    """The tools over this ledger."""
    asked = [
        Tool(name, description, schema, _question(ledger, name), idempotent=True)
        for name, schema, description in _QUESTIONS
    ]
    return (
        *asked,
        Tool(
            "price_lookup",
            "The list prices of models at a given time: standard, batch, flex and priority, cache, tiers and hours.",
            PriceLookup,
            _look_up_prices,
            idempotent=True,
        ),
    )


def _question(ledger: Ledger, name: str) -> Callable[[UserExecutionContext, ToolArguments], Awaitable[Any]]:
    async def ask(context: UserExecutionContext, arguments: ToolArguments) -> Any:
        return await ledger.ask(context.user_id, name, msgspec.to_builtins(arguments, str_keys=True))

    return ask


async def _look_up_prices(context: UserExecutionContext, arguments: PriceLookup) -> dict[str, Any]:
    """The price list is the same for everybody and takes a moment to read, so it is read beside the event loop."""

    def look_up() -> dict[str, Any]:
        from ...usage.price_lookup import price_lookup

        at = arguments.at if arguments.at.tzinfo else arguments.at.replace(tzinfo=UTC)
        return price_lookup(arguments.models, at, provider=arguments.provider)

    return await asyncio.to_thread(look_up)
