"""A message's periods, and the classifier, once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from netra_backend.app.agents.triage.periods import find_periods
from netra_backend.app.agents.triage.text import read
from netra_backend.app.agents.triage.understanding import Understanding, understand

SUNDAY = int(datetime(2026, 11, 22, 17, 10, tzinfo=UTC).timestamp() * 1000)

PeriodsOf = Callable[..., list[tuple[str, str | None, str]]]
Ask = Callable[..., Understanding]


@pytest.fixture(scope="session")
def periods_of() -> PeriodsOf:
    """``periods_of(message)``: each period as said, its first and its last day, on Sunday 22 November 2026."""

    def find(message: str, *, timezone: str = "UTC") -> list[tuple[str, str | None, str]]:
        found = find_periods(read(message), now_ms=SUNDAY, timezone=timezone)
        return [(period.said, period.start, period.end) for period in found]

    return find


@pytest.fixture(scope="session")
def ask() -> Ask:
    """``ask(message, history=…)``: what is understood on that Sunday."""

    def run(message: str, **more: object) -> Understanding:
        return understand(message, now_ms=SUNDAY, **more)  # type: ignore[arg-type]

    return run
