"""One question as an answer sees it, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ...core.errors import ToolError
from ...usage.markdown import sentence, text
from ..interface import RunScope, ToolOutcome
from ..triage.understanding import Understanding


@dataclass(frozen=True, slots=True)
class Answer:
    """Markdown and JSON. Every figure in ``text`` stands in an answer of a tool, and that answer stands in ``data``."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked (one part of a message), where to ask tools, and what data there is."""

    scope: RunScope
    part: Understanding
    profile: Mapping[str, Any]

    def narrowed(self) -> dict[str, Any]:
        """The arguments that narrow a tool to the period and the model that the question names."""
        arguments: dict[str, Any] = {}
        period = self.part.period
        if period is not None:
            bounds = {"to": iso(period.end_ms)}
            if period.start_ms is not None:
                bounds["from"] = iso(period.start_ms)
            arguments["period"] = bounds
        if (model := self.model_in_data()) is not None:
            arguments["model"] = model
        return arguments

    def model_in_data(self) -> str | None:
        """The model of the question as the data writes it, where the data has just one such."""
        named = self.part.slots.model
        if named is None:
            return None
        present = [model["model"] for model in self.profile.get("models", ())]
        alike = [name for name in present if name.lower().rpartition("/")[2] == named.lower()]
        alike = alike or [name for name in present if named.lower() in name.lower()]
        return alike[0] if len(alike) == 1 else None

    def heading(self) -> str:
        """The period and model that were understood, as a line to check; empty if there are none."""
        said = []
        if self.part.period is not None:
            start = self.part.period.start or "the beginning"
            said.append(f"{text(self.part.period.said)} ({start} to {self.part.period.end})")
        if (model := self.model_in_data()) is not None:
            said.append(text(model))
        return f"For {', '.join(said)}:\n\n" if said else ""


def iso(at_ms: int) -> str:
    """A time as tools take it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def fault(outcome: ToolOutcome) -> Answer:
    """What a tool could not answer, as an answer: its reason and what to do."""
    error = outcome.error or {}
    said = " ".join(sentence(str(error.get(part) or "")) for part in ("message", "hint"))
    return Answer(said.strip(), {"code": error.get("code"), "error": error})


class Unanswered(ToolError):
    """A tool could not answer; ``outcome`` is what it came to."""

    def __init__(self, outcome: ToolOutcome) -> None:
        error = outcome.error or {}
        super().__init__(
            error.get("code", "TOOL_FAILED"), error.get("message", "unknown"), hint=error.get("hint", "Ask again.")
        )
        self.outcome = outcome
