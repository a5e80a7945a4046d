"""A question as an answer sees it."""

from __future__ import annotations

from netra_backend.app.agents.answers.asked import Asked, fault, iso
from netra_backend.app.agents.interface import ToolOutcome
from netra_backend.app.agents.triage.understanding import Slots, Understanding


def asked(model: str | None, *present: str) -> Asked:
    part = Understanding("cost_overview", 1.0, "agent", Slots(model=model))
    return Asked(None, part, {"models": [{"model": name} for name in present]})  # type: ignore[arg-type]  # not run


def test_a_model_is_named_as_the_data_writes_it() -> None:
    assert asked("gpt-4o", "openai/gpt-4o", "gpt-4o-mini").narrowed() == {"model": "openai/gpt-4o"}
    assert asked("haiku", "claude-haiku-4-5", "gpt-4o").narrowed() == {"model": "claude-haiku-4-5"}


def test_a_model_that_the_data_has_twice_or_not_narrows_nothing() -> None:
    assert asked("haiku", "claude-haiku-4-5", "claude-3-haiku").narrowed() == {}
    assert asked("gpt-9", "gpt-4o").narrowed() == {}
    assert asked(None, "gpt-4o").narrowed() == {}


def test_a_fault_is_told_with_its_code_and_without_markup() -> None:
    answer = fault(
        ToolOutcome(False, error={"code": "NO_DATA", "message": "None of <b>it</b>.", "hint": "Import *some*."})
    )
    assert answer.data["code"] == "NO_DATA"
    assert answer.text == "None of &lt;b&gt;it&lt;/b&gt;. Import \\*some\\*."


def test_times_go_to_tools_in_utc() -> None:
    assert iso(0) == "1970-01-01T00:00:00+00:00"
