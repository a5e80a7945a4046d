from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from netra_backend.app.usage.importers.reading.timestamps import elapsed, timestamps_of
from netra_backend.app.usage.importers.reading.values import MAX_LATENCY_MS, Times

TIMES = Times(datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.parametrize("zone", ["", "Z", "+00:00"])
def test_times_to_the_second_the_millisecond_and_the_microsecond_are_read_at_once(zone: str) -> None:
    written = ["2026-11-01T12:00:00", "2026-11-01 12:00:00.123", "2026-11-01T12:00:00.123456"]
    found = timestamps_of([moment + zone for moment in written], TIMES)
    assert found is not None
    assert found.astype(str).tolist() == [
        "2026-11-01T12:00:00.000000",
        "2026-11-01T12:00:00.123000",
        "2026-11-01T12:00:00.123456",
    ]


@pytest.mark.parametrize(
    "other",
    [
        "2026-11-01T12:00:00",
        "2026-11-01T12:00:00+01:00",
        "2026-13-01T12:00:00Z",
        "2026-11-01T12:00Z",
        "2026-11-01",
        "2026-11-01T12:00:00Z\n2026-11-01T12:00:00Z",
        "2017-11-01T12:00:00Z",
        "2027-11-01T12:00:00Z",
        "\u0662026-11-01T12:00:00Z",
        "now",
        "\ud800",
        "",
        None,
        1793527200,
    ],
)
def test_one_time_of_another_kind_leaves_all_to_be_judged_one_by_one(other: Any) -> None:
    assert timestamps_of(["2026-11-01T12:00:00Z", other], TIMES) is None


def test_what_clocks_cannot_have_measured_is_no_duration() -> None:
    start = np.array([0, 1_500, 0], dtype="datetime64[us]")
    end = np.array([1_500, 0, int(MAX_LATENCY_MS * 1000) + 1], dtype="datetime64[us]")
    assert elapsed(start, end) == [1.5, None, None]
