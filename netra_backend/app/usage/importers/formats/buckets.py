"""What the usage APIs of providers have in common: buckets of time, each with results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ...rows import Granularity
from ..reading.batch import Record
from ..reading.values import Times
from ..row import BadRow

MAX_RESULTS: Final = 100_000
_WIDTHS: Final = {60: Granularity.MINUTE, 3_600: Granularity.HOUR, 86_400: Granularity.DAY}


def results_of(bucket: Record) -> Iterator[dict[str, Any]]:
    """The results of a bucket, each with the bucket's own members beside its own. Raises ``BadRow``."""
    results = bucket.get("results")
    if not isinstance(results, list) or len(results) > MAX_RESULTS:
        raise BadRow("the bucket has no list of results")
    outer = {name: value for name, value in bucket.items() if name not in ("results", "object")}
    for result in results:
        if not isinstance(result, dict):
            raise BadRow("a result of the bucket is not a JSON object", result)
        yield {**outer, **result}


def width(times: Times, start: object, end: object) -> str:
    """How long a bucket is, as a granularity."""
    seconds = (times.read(end, "the bucket's end") - times.read(start, "the bucket's start")).total_seconds()
    if seconds <= 0:
        raise BadRow("the bucket ends before it starts", end)
    return _WIDTHS.get(int(seconds), Granularity.BUCKET).value
