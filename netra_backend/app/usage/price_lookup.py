"""``price_lookup``: what a model costs by the list, at a time, in every context that the list knows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from ..core.errors import ToolError
from .model_names import resolve
from .money import usd
from .pricing import BATCH, ENDLESS, Listing, Quote, Rates, quote, schedule, source

MILLION: Final = 10**6
CONTEXTS: Final = {
    "standard": {},
    "batch": dict(BATCH),
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}


def price_lookup(models: Iterable[str], at: datetime, *, provider: str | None = None) -> dict[str, Any]:
    """The list prices of ``models`` (names as people write them) at ``at``.

    Raises ``ToolError``: ``AMBIGUOUS_MODEL`` (with ``candidates``), ``UNPRICED_MODEL``.
    """
    moment = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return {
        "at": moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "models": [_prices(name, resolve(name, provider), moment) for name in models],
        "prices": source(),
    }


def _prices(asked: str, listing: Listing, at: datetime) -> dict[str, Any]:
    standard = quote(listing, at)
    if standard is None:
        raise ToolError(
            "UNPRICED_MODEL",
            f"{listing.name} is listed, but not priced per token.",
            hint="Prices of audio, images and searches are not available here.",
        )
    contexts = {name: _context(listing, at, context) for name, context in CONTEXTS.items()}
    return {
        "asked": asked,
        "model": listing.model.id,
        "provider": listing.provider.id,
        "context_window": listing.model.context_window,
        "usd_per_million": {name: found for name, found in contexts.items() if found},
        "by_time_of_day": _by_time_of_day(listing, at),
        "urls": list(listing.provider.pricing_urls or ())[:3],
    }


def _context(listing: Listing, at: datetime, context: dict[str, str]) -> list[dict[str, Any]]:
    found = quote(listing, at, context)
    return _tiers(found) if found is not None and found.context_matched else []


def _tiers(found: Quote) -> list[dict[str, Any]]:
    return [_rates(rates) for rates in found.tiers]


def _rates(rates: Rates) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "input": usd(rates.input * MILLION),
        "cache_read": usd(rates.cache_read * MILLION),
        "cache_write": usd(rates.cache_write * MILLION),
        "cache_write_1h": usd(rates.cache_write_1h * MILLION),
        "output": usd(rates.output * MILLION),
        "above_input_tokens": max(rates.above, 0),
        "upto_input_tokens": None if rates.upto == ENDLESS else rates.upto,
    }
    if rates.request:
        shown["per_thousand_requests"] = usd(rates.request * 1000)
    return shown


def _by_time_of_day(listing: Listing, at: datetime) -> list[dict[str, Any]]:
    """The steps of the day, where the price has any."""
    today = [span for span in schedule(listing) if span.since <= at and (span.until is None or at < span.until)]
    if len(today) < 2:
        return []
    return [
        {"from": _clock(span.second_from), "to": _clock(span.second_to), **_rates(span.quote.tiers[0])}
        for span in today
    ]


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d} UTC"
