"""The cost report: its JSON, and the one way to put it together.

The command line, the cost optimizer, the page and ``GET /api/usage/report`` all get their report from ``make_report``;
``report_markdown`` and ``report_html`` render it and add no figure of their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypedDict

from ..core.errors import ToolError
from .report_parts import Anomalies, Forecast, Profile, Savings, Summary
from .scope import no_data

REPORT_VERSION: Final = 1
"""Grows when a key is taken away or changes its meaning; a new key does not change it."""

NO_ANOMALIES: Final = "Jumps and drops could not be detected"
NO_FORECAST: Final = "There is no forecast"

Ask = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Answers one question of ``usage.questions.QUESTIONS`` over one owner's rows. Raises ``ToolError``."""


class Report(TypedDict):
    """A cost report. ``profile`` is about all of the user's data, everything else about the rows that were asked for.
    ``anomalies`` and ``forecast`` are null if the data cannot tell them; ``notes`` then says why, a sentence each."""

    report_version: int
    profile: Profile
    summary: Summary
    savings: Savings
    anomalies: Anomalies | None
    forecast: Forecast | None
    notes: list[str]


async def make_report(ask: Ask, arguments: Mapping[str, Any]) -> Report:
    """The report on the rows that ``arguments`` name (``usage.scope``: a period and equality filters; empty: all rows).

    Raises ``ToolError`` ``NO_DATA``, and what ``ask`` raises for bill and savings: without them there is no report. Anomalies
    and forecast need more data than others have, so if they cannot be had, a note says why.
    """
    profile: Profile = await ask("data_profile", {})
    if not profile["rows"]:
        raise no_data({})
    notes: list[str] = []

    async def if_possible(question: str, without: str) -> Any:
        try:
            return await ask(question, arguments)
        except ToolError as fault:
            notes.append(f"{without}: {fault.message}")
            return None

    return {
        "report_version": REPORT_VERSION,
        "profile": profile,
        "summary": await ask("cost_summary", arguments),
        "savings": await ask("combine_savings", arguments),
        "anomalies": await if_possible("detect_anomalies", NO_ANOMALIES),
        "forecast": await if_possible("forecast_spend", NO_FORECAST),
        "notes": notes,
    }
