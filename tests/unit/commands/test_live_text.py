"""The text that a model writes is one line, which shows its end."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from netra_backend.app.commands.live_text import LiveText
from netra_backend.app.core.events import AgentDelta

ERASED = "\r\x1b[2K"


class Screen:
    def __init__(self, *, is_terminal: bool = True, width: int = 20) -> None:
        self.file = io.StringIO()
        self.text = LiveText(Console(file=self.file, force_terminal=is_terminal, width=width, color_system=None))

    def add(self, text: str, call_id: str = "c", attempt: int = 1, kind: str = "") -> str:
        """What is written for a part, after the line before has been erased."""
        self.text.add(AgentDelta("thr", "run", 1, 0, call_id=call_id, attempt=attempt, text=text, kind=kind))
        return self.file.getvalue().rpartition(ERASED)[2]


def test_it_grows_in_its_line_and_shows_its_end() -> None:
    screen = Screen()
    assert screen.add("One ") == "One "
    assert screen.add("two\nthree") == "One two three"
    assert screen.add(" four five") == "ne two three four five"[-19:]
    assert "\n" not in screen.file.getvalue()


def test_a_line_that_is_too_long_shows_as_much_of_its_end_as_fits() -> None:
    screen = Screen(width=10)
    assert screen.add("abcdefghijklmn") == "fghijklmn"
    assert screen.add("数" * 9) == "数" * 4


def test_another_message_or_attempt_begins_anew() -> None:
    screen = Screen()
    screen.add("first")
    assert screen.add("second", call_id="d") == "second"
    assert screen.add("again", call_id="d", attempt=2) == "again"


def test_it_is_taken_away_once_before_anything_else_is_printed() -> None:
    screen = Screen()
    screen.text.clear()
    assert screen.file.getvalue() == ""
    screen.add("text")
    screen.text.clear()
    screen.text.clear()
    assert screen.file.getvalue() == f"text{ERASED}"


@pytest.mark.parametrize(("is_terminal", "kind"), [(False, ""), (True, "tool_arguments")])
def test_what_is_no_text_or_goes_to_no_terminal_is_not_drawn(is_terminal: bool, kind: str) -> None:
    assert Screen(is_terminal=is_terminal).add("text", kind=kind) == ""


def test_what_a_terminal_would_obey_is_not_passed_on() -> None:
    assert "\x1b[31m" not in Screen().add("a\x1b[31mb")
