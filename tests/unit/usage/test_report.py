"""The one assembly of the report, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import pytest
import pytest_asyncio

from netra_backend.app.core.errors import DependencyUnavailable, ToolError
from netra_backend.app.usage.report import REPORT_VERSION, Report, make_report
from test_framework.usage_rows import report_of, usage_rows

START: Final = datetime(2026, 10, 5)
JUMP: Final = 20

FIXED: Final = [
    "summary.total_usd",
    "summary.rows",
    "summary.requests",
    "summary.tokens.input",
    "summary.tokens.output",
    "summary.tokens.cache_read",
    "summary.tokens.cache_write",
    "summary.period.from",
    "summary.period.to",
    "summary.period.days",
    "summary.reported.usd",
    "summary.unpriced.rows",
    "summary.breakdowns.model",
    "profile.failed_rows",
    "savings.bill_usd",
    "savings.levers.lever",
    "savings.levers.base_usd",
    "anomalies.anomalies.at",
    "anomalies.anomalies.direction",
    "forecast.month",
    "forecast.base_usd",
]
"""The keys that programs rely on."""


def month() -> list[dict[str, Any]]:
    """Four weeks with everything in them: a jump, failures, unpriced rows, sessions, reported costs."""
    return [
        {
            "ts": START + timedelta(days=day, hours=6 * quarter, minutes=59),
            "input_tokens": 400_000 * (9 if day == JUMP else 1),
            "cache_read_tokens": 1000,
            "model": "gpt-4o" if quarter else "no-such-model",
            "team": "search" if day % 2 else None,
            "feature": f"feature-{day}",
            "session_id": f"s{day}",
            "prompt_hash": "same" if quarter == 1 else f"{day}-{quarter}",
            "status": "error" if quarter == 2 and day % 7 == 0 else "ok",
            "cost_reported_usd": "1.1" if quarter == 3 else None,
        }
        for day in range(29)
        for quarter in range(4)
    ]


def two_rows() -> list[dict[str, Any]]:
    return [{"at": 0}, {"at": 60}]


class Asked:
    """A ledger that answers by script and keeps what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"data_profile": {"rows": 1}, **answers}
        self.questions: list[tuple[str, Mapping[str, Any]]] = []

    async def __call__(self, question: str, arguments: Mapping[str, Any]) -> Any:
        self.questions.append((question, arguments))
        answer = self.answers.get(question, {"of": question})
        if isinstance(answer, Exception):
            raise answer
        return answer


def fault(code: str, message: str) -> ToolError:
    return ToolError(code, message, hint="Import more.")


async def test_each_part_is_the_answer_to_its_question_about_the_same_rows() -> None:
    asked = Asked()
    arguments = {"team": "search"}
    report = await make_report(asked, arguments)
    assert asked.questions == [
        ("data_profile", {}),
        ("cost_summary", arguments),
        ("combine_savings", arguments),
        ("detect_anomalies", arguments),
        ("forecast_spend", arguments),
    ]
    assert report == {
        "report_version": REPORT_VERSION,
        "profile": {"rows": 1},
        "summary": {"of": "cost_summary"},
        "savings": {"of": "combine_savings"},
        "anomalies": {"of": "detect_anomalies"},
        "forecast": {"of": "forecast_spend"},
        "notes": [],
    }


async def test_what_the_data_cannot_tell_is_null_with_a_note_that_says_why() -> None:
    asked = Asked(
        detect_anomalies=fault("INSUFFICIENT_HISTORY", "2 hours are too few."),
        forecast_spend=fault("NOT_ASSESSABLE", "The times were assumed."),
    )
    report = await make_report(asked, {})
    assert (report["anomalies"], report["forecast"]) == (None, None)
    assert report["notes"] == [
        "Jumps and drops could not be detected: 2 hours are too few.",
        "There is no forecast: The times were assumed.",
    ]


@pytest.mark.parametrize("question", ["cost_summary", "combine_savings"])
async def test_without_its_bill_or_its_savings_there_is_no_report(question: str) -> None:
    with pytest.raises(ToolError, match="too long") as raised:
        await make_report(Asked(**{question: fault("QUERY_TIMEOUT", "It took too long.")}), {})
    assert raised.value.code == "QUERY_TIMEOUT"


async def test_a_dependency_that_is_away_is_no_part_that_the_data_cannot_tell() -> None:
    with pytest.raises(DependencyUnavailable):
        await make_report(Asked(forecast_spend=DependencyUnavailable("The store is away.")), {})


async def test_without_data_nothing_more_is_asked() -> None:
    asked = Asked(data_profile={"rows": 0, "requests": 0, "datasets": []})
    with pytest.raises(ToolError, match="no usage rows yet") as raised:
        await make_report(asked, {"team": "search"})
    assert raised.value.code == "NO_DATA"
    assert "netra import" in raised.value.hint
    assert asked.questions == [("data_profile", {})]


async def test_a_scope_without_rows_is_no_data() -> None:
    with pytest.raises(ToolError, match="in this period or for these filters"):
        await report_of(usage_rows(two_rows()), {"team": "nobody"})


async def test_a_filter_narrows_all_but_the_profile() -> None:
    report = await report_of(usage_rows(month()), {"team": "search"})
    assert report["profile"]["rows"] == 116
    assert report["summary"]["rows"] == report["savings"]["rows"] == 56
    assert [part["key"] for part in report["summary"]["breakdowns"]["team"]] == ["search"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def of_month() -> Report:
    return await report_of(usage_rows(month()))


async def test_the_answers_are_what_the_types_say_and_nothing_else(of_month: Report) -> None:
    for report in (of_month, await report_of(usage_rows(two_rows()))):
        _holds(report)


def _holds(report: Report) -> None:
    # Converting drops a key that no type names, and refuses one that is missing or of another type.
    assert msgspec.convert(report, Report) == report
    assert json.loads(json.dumps(report)) == report


def test_the_month_of_these_tests_has_every_part(of_month: Report) -> None:
    assert {lever["status"] for lever in of_month["savings"]["levers"]} == {"ok", "none_found", "not_assessable"}
    assert of_month["anomalies"] is not None
    assert [jump["at"] for jump in of_month["anomalies"]["anomalies"]] == ["2026-10-25"]
    assert of_month["savings"]["month"]
    assert of_month["summary"]["reported"]
    assert of_month["summary"]["unpriced"]["models"]
    assert of_month["summary"]["breakdowns"]["feature"][-1]["rest"]


@pytest.mark.parametrize("path", FIXED)
def test_a_key_that_programs_rely_on_is_there(of_month: Report, path: str) -> None:
    value: Any = of_month
    for name in path.split("."):
        value = (value[0] if isinstance(value, list) else value)[name]
    assert value is not None
