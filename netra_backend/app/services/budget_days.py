"""Days and months of run budgets, in the zone of a plan."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ..core.budgets import Period


def day_of(at_ms: int, zone: str = "UTC") -> str:
    """``YYYY-MM-DD`` of a moment (ms since 1970 UTC)."""
    return _date(at_ms, zone).isoformat()


def day_before(at_ms: int, days: int) -> str:
    """The day so many days ago, in UTC."""
    return (_date(at_ms, "UTC") - timedelta(days=days)).isoformat()


def end_ms(period: Period, at_ms: int, zone: str) -> int | None:
    """When the day or month of a moment ends (ms since 1970 UTC); ``None`` for a run, whose end nobody knows."""
    today = _date(at_ms, zone)
    if period == "day":
        following = today + timedelta(days=1)
    elif period == "month":
        following = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    else:
        return None
    return round(datetime.combine(following, time(), ZoneInfo(zone)).timestamp() * 1000)


def moment(at_ms: int) -> str:
    """A moment as people read it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _date(at_ms: int, zone: str) -> date:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).date()
