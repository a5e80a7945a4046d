"""The text that a model writes, while it comes: one line of the terminal, which shows its newest part."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from ..core.events import AgentDelta
from .common import printable

_SHOWN_KINDS: Final = ("", "text", "reasoning")
_MOST: Final = 1000
"""Characters that are kept of what was shown: no terminal is wider."""


class LiveText:
    """Draws on the console's last line, if it is a terminal; ``clear`` before anything else is printed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._message: tuple[str, int, str] | None = None
        self._text = ""
        self._is_drawn = False

    def add(self, part: AgentDelta) -> None:
        """A part has come. One of another message, or of another attempt, begins anew."""
        if not self._console.is_terminal or part.kind not in _SHOWN_KINDS or not part.text:
            return
        message = (part.call_id, part.attempt, part.kind)
        if message != self._message:
            self._message, self._text = message, ""
        self._text = " ".join(printable(f"{self._text}{part.text}".replace("\n", " ")).split(" "))[-_MOST:]
        self.clear()
        style = "dim italic" if part.kind == "reasoning" else "dim"
        self._console.print(Text(self._end(self._console.width - 1), style=style), end="", soft_wrap=True)
        self._is_drawn = True

    def clear(self) -> None:
        """Take the line away."""
        if self._is_drawn:
            self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
            self._is_drawn = False

    def _end(self, width: int) -> str:
        """As much of the text as fits, from its end."""
        end = self._text[-width:]
        while cell_len(end) > width:  # characters that are two cells wide
            end = end[1:]
        return end
