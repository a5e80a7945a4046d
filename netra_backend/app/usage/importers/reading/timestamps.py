"""A column of times that are all written in the one plain form of ISO 8601, read at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .shapes import shapes_of
from .values import EARLIEST, MAX_LATENCY_MS, Times

Moments = NDArray[np.datetime64]
"""Points in time in UTC, by the microsecond."""

_SHAPES: Final = {
    b"0000-00-00" + between + b"00:00:00" + fraction + zone: zone
    for between in (b"T", b" ")
    for fraction in (b"", b".000", b".000000")
    for zone in (b"", b"Z", b"+00:00")
}
"""The shapes of the plain form → their zone. The parser alone would take more than these."""


def timestamps_of(values: list[Any], times: Times) -> Moments | None:
    """All of the values as times, if each is a text like ``2026-11-01T12:00:00.123Z`` (``Z``, ``+00:00`` or no zone at all),
    and none too old or too new; else ``None``: then each must be judged by itself."""
    zones = {_SHAPES.get(shape) for shape in set(shapes_of(values) or ())}
    if len(zones) != 1 or (zone := zones.pop()) is None:
        return None
    end = -len(zone)
    written = [value[:end] for value in values] if zone else values
    try:
        found = np.array(written, dtype="datetime64[us]")
    except ValueError:
        return None
    return found if _utc(EARLIEST) <= found.min() and found.max() <= _utc(times.latest) else None


def elapsed(start: Moments, end: Moments) -> list[float | None]:
    """Milliseconds from each start to its end; see ``values.elapsed_ms``."""
    durations = ((end - start).astype(np.int64) / 1000).tolist()
    return [duration if 0 <= duration <= MAX_LATENCY_MS else None for duration in durations]


def _utc(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.replace(tzinfo=None), "us")
