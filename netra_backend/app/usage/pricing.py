"""What a token costs: list prices, dated by the time of the request, with tiers, cache, batch and off-peak hours.

The list is genai-prices; three of its habits are made visible here instead of being passed on:

- A request context that no price variant answers to silently yields the standard price: ``Quote.context_matched`` tells.
- ``input_tokens`` is the total, cached tokens included; ``Rates.cost`` takes them apart.
- A model that is not listed is ``None`` here, to be shown as unpriced; it never costs 0.

A price depends on the date, on the time of day and on the size of the prompt, each through a few steps. ``schedule`` lists
those steps, so that a million rows are priced by joining them with a handful of prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from typing import Any, Final

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider

from .money import per_token, pico

_LIST: Final = get_snapshot()
"""Read here, so that a process which stands by has read it (it takes a while) before it is asked."""

DAY_SECONDS: Final = 86_400
ENDLESS: Final = 2**62
BATCH: Final[Mapping[str, str]] = {"processing": "batch"}
STANDARD_TIERS: Final = frozenset({"", "auto", "default", "standard", "standard_only", "on_demand", "on-demand"})
"""Service tiers that are other names of the standard price."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Picodollars of a token (and of a request, where a provider charges for those) for prompts of more than ``above``
    and at most ``upto`` tokens."""

    above: int
    upto: int
    input: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    output: int
    request: int = 0

    def cost(
        self,
        input_tokens: int,
        cache_read: int = 0,
        cache_write: int = 0,
        output_tokens: int = 0,
        *,
        cache_write_1h: int = 0,
    ) -> int:
        """Picodollars of one request. ``input_tokens`` includes the cached ones, ``cache_write`` those kept for an hour."""
        read = min(cache_read, input_tokens)
        write = min(cache_write, input_tokens - read)
        for_an_hour = min(cache_write_1h, write)
        uncached = input_tokens - read - write
        return (
            uncached * self.input
            + read * self.cache_read
            + (write - for_an_hour) * self.cache_write
            + for_an_hour * self.cache_write_1h
            + output_tokens * self.output
            + self.request
        )


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of one model at one time in one context: its tiers, ascending; whether the context had a price of its own
    (``True`` if none was asked for)."""

    tiers: tuple[Rates, ...]
    context_matched: bool

    def rates(self, input_tokens: int) -> Rates:
        """The tier that a prompt of this size falls into; it holds for all of the request's tokens."""
        return next(tier for tier in self.tiers if input_tokens <= tier.upto)


@dataclass(frozen=True, slots=True)
class Span:
    """A quote and when it holds: from ``since`` (inclusive) to ``until`` (exclusive, ``None``: open), each day between two
    seconds of the UTC day."""

    since: datetime
    until: datetime | None
    second_from: int
    second_to: int
    quote: Quote


@dataclass(frozen=True, slots=True)
class Listing:
    """A model found in the price list. ``provider_assumed``: the rows' provider is not in the list, so the model's name
    alone decided."""

    provider: Provider
    model: ModelInfo
    provider_assumed: bool

    @property
    def name(self) -> str:
        """``provider:model``, as the price list calls them."""
        return f"{self.provider.id}:{self.model.id}"


def source() -> dict[str, str]:
    """Which price list, in which version, with prices dated up to when."""
    return {"list": "genai-prices", "version": version("genai-prices"), "newest_price_from": _newest_date().isoformat()}


@cache
def _newest_date() -> date:
    return max(day for listed in _LIST.providers for model in listed.models for day in _start_dates(model))


def listings() -> Iterator[Listing]:
    """Every model of the price list."""
    for provider in _LIST.providers:
        for model in provider.models:
            yield Listing(provider, model, provider_assumed=False)


def find(model: str, provider: str | None = None) -> Listing | None:
    """The listing of a model as logs name it, or ``None``.

    A provider that the list knows decides, also against the model's name; one that it does not know (a gateway, a tool) is
    passed over, and then ``provider/model`` and the bare name are tried.
    """
    if provider:
        known = _provider(provider)
        if known is not None:
            found = known.find_model(model, all_providers=_LIST.providers)
            if found is None and "/" in model:
                found = known.find_model(model.rpartition("/")[2], all_providers=_LIST.providers)
            return None if found is None else Listing(known, found, provider_assumed=False)
    prefix, slash, rest = model.partition("/")
    if slash and (known := _provider(prefix)) is not None:
        found = known.find_model(rest, all_providers=_LIST.providers)
        return None if found is None else Listing(known, found, provider_assumed=True)
    try:
        known, found = _LIST.find_provider_model(model, None, None, None)
    except LookupError:
        return None
    return Listing(known, found, provider_assumed=True)


def _provider(name: str) -> Provider | None:
    try:
        return _LIST.find_provider(None, name, None)
    except LookupError:
        return None


def context_for(service_tier: str | None, is_batch: bool | None) -> dict[str, str]:
    """The request context of a row: empty for the standard price."""
    tier = (service_tier or "").strip().lower()
    if is_batch or tier == "batch":
        return dict(BATCH)
    return {} if tier in STANDARD_TIERS else {"service_tier": tier}


def quote(listing: Listing, at: datetime, context: Mapping[str, str] | None = None) -> Quote | None:
    """The price at a time (UTC) in a context; ``None`` if the model is not priced by tokens or requests."""
    model = listing.model
    # Variants are the provider's own: a model that it borrows from another one's list has only that list's standard price.
    own = any(model is listed for listed in listing.provider.models)
    matched = not context or (own and any(_answers(variant, at, context) for variant in model.price_variants or ()))
    prices = model.get_prices(at, dict(context) if context and own else None)
    tiers = tuple(_tiers(prices))
    return Quote(tiers, matched) if tiers else None


def _answers(variant: Any, at: datetime, context: Mapping[str, str]) -> bool:
    active = variant.constraint is None or variant.constraint.active(at)
    return active and all(context.get(key) == value for key, value in variant.when.items())


def _tiers(prices: ModelPrice) -> Iterator[Rates]:
    listed = {
        key: getattr(prices, key)
        for key in (
            "input_mtok",
            "cache_read_mtok",
            "cache_write_mtok",
            "cache_write_1h_mtok",
            "output_mtok",
            "requests_kcount",
        )
    }
    if listed["input_mtok"] is None and listed["output_mtok"] is None and listed["requests_kcount"] is None:
        return
    starts = sorted({tier.start for price in listed.values() for tier in getattr(price, "tiers", ())})
    for above, upto in zip([-1, *starts], [*starts, ENDLESS], strict=True):
        at = {key: _at_size(price, above + 1) for key, price in listed.items()}
        standard = at["input_mtok"] or Decimal(0)
        read, write, for_an_hour = at["cache_read_mtok"], at["cache_write_mtok"], at["cache_write_1h_mtok"]
        usual_write = standard if write is None else write
        yield Rates(
            above=above,
            upto=upto,
            input=per_token(standard),
            cache_read=per_token(standard if read is None else read),
            cache_write=per_token(usual_write),
            cache_write_1h=per_token(usual_write if for_an_hour is None else for_an_hour),
            output=per_token(at["output_mtok"] or Decimal(0)),
            request=pico((at["requests_kcount"] or Decimal(0)) / 1000),
        )


def _at_size(price: Any, input_tokens: int) -> Decimal | None:
    if price is None or isinstance(price, Decimal):
        return price
    below = [tier.price for tier in price.tiers if input_tokens > tier.start]
    chosen: Decimal = below[-1] if below else price.base
    return chosen


def schedule(listing: Listing, context: Mapping[str, str] | None = None) -> list[Span]:
    """All prices that a model has had, as steps in date and time of day. Every moment lies in exactly one span, except
    that there is none where the model is not priced by tokens or requests."""
    days = [datetime(1, 1, 1, tzinfo=UTC)]
    days += [datetime.combine(day, time(), tzinfo=UTC) for day in sorted(_start_dates(listing.model))]
    seconds = sorted({0, *_day_seconds(listing.model), DAY_SECONDS})
    spans: list[Span] = []
    for since, until in zip(days, [*days[1:], None], strict=True):
        daily = _day(listing, since, until, seconds, context)
        earlier = spans[-len(daily) :] if daily else []
        if daily and _quotes(daily) == _quotes(earlier) and earlier[0].second_from == 0:
            spans[-len(daily) :] = [replace(span, until=until) for span in earlier]
        else:
            spans += daily
    return spans


def _day(
    listing: Listing, since: datetime, until: datetime | None, seconds: list[int], context: Mapping[str, str] | None
) -> list[Span]:
    spans: list[Span] = []
    for second_from, second_to in pairwise(seconds):
        at = quote(listing, since + timedelta(seconds=second_from), context)
        if at is None:
            continue
        if spans and spans[-1].quote == at:
            spans[-1] = replace(spans[-1], second_to=second_to)
        else:
            spans.append(Span(since, until, second_from, second_to, at))
    return spans


def _quotes(spans: list[Span]) -> list[tuple[int, int, Quote]]:
    return [(span.second_from, span.second_to, span.quote) for span in spans]


def _constraints(model: ModelInfo) -> Iterator[Any]:
    if isinstance(model.prices, list):
        yield from (priced.constraint for priced in model.prices)
    yield from (variant.constraint for variant in model.price_variants or ())


def _start_dates(model: ModelInfo) -> set[date]:
    return {day for constraint in _constraints(model) if (day := getattr(constraint, "start_date", None)) is not None}


def _day_seconds(model: ModelInfo) -> set[int]:
    found: set[int] = set()
    for constraint in _constraints(model):
        for name in ("start_time", "end_time"):
            moment: time | None = getattr(constraint, name, None)
            if moment is not None:
                utc = moment if moment.tzinfo is None else datetime.combine(date(2000, 1, 2), moment).astimezone(UTC)
                found.add(utc.hour * 3600 + utc.minute * 60 + utc.second)
    return found - {0}
