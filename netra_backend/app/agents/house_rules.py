"""What holds for an agent of the house that a language model drives, beside what holds for any agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .interface import ToolOutcome


class Called(NamedTuple):
    """A call of one of the server's own tools, and what it came to."""

    tool: str
    arguments: dict[str, Any]
    outcome: ToolOutcome


class HouseRules(NamedTuple):
    """The agent has these ``tools`` of the server's own, and ``learn`` gets each call; a sentence of its text is shown if
    ``allows`` says so. In place of an answer that cannot be used, what ``instead`` makes of the reason is shown."""

    tools: frozenset[str]
    learn: Callable[[Called], None]
    allows: Callable[[str], bool]
    instead: Callable[[str], str]


class ModelAnswer(NamedTuple):
    """What the model says, and the calls that it made, in their order."""

    text: str
    called: tuple[Called, ...]


class UnusableAnswer(Exception):
    """There is no answer of the model's that may be shown. ``reason`` says why, to the user."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
