"""What ``netra ask`` shows, what it asks at a terminal, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Final

import typer

from ..core.events import TERMINAL, AgentCompleted, AgentDelta, AnyEvent, encode_event
from .answering import Terminal, Unanswered, question_text
from .common import err, out, printable
from .event_view import EventView
from .live_text import LiveText

EXIT_FAILED: Final = 1
EXIT_WAITING: Final = 3
_CAUGHT_UP_S: Final = 1.0
"""How long after a reconnection its missed events are expected; a question is shown again after them."""


class AskScreen:
    """What a person sees of a thread, or a program reads of it, and how it ended."""

    def __init__(self, as_json: bool, resume_command: str, cancel_command: str) -> None:
        self._cancel_command = cancel_command
        self._resume_command = resume_command
        self._live = LiveText(out)
        self._view = EventView(out)
        self._is_lost = False
        self._unanswered = Unanswered()
        self.is_for_programs = as_json
        self._last: AnyEvent | None = None
        self.terminal: Terminal | None = None

    def take(self, event: AnyEvent) -> None:
        """Show an event and, to a person at a terminal, ask what it asks."""
        self._last = event
        self._unanswered.take(event)
        if self.is_for_programs:
            typer.echo(encode_event(event).decode())
        elif not isinstance(event, AgentDelta):
            self._live.clear()
            self._view.show(event)
            if self.terminal is not None:
                self.terminal.take(event)
        elif self.terminal is None or not self.terminal.is_asking:  # else it would run over what is being typed
            self._live.add(event)

    def clear(self) -> None:
        """Take away the text that a model was writing."""
        self._live.clear()

    def tell(self, text: str) -> None:
        """Show a question, or what is wrong with an answer."""
        self._live.clear()
        out.print(text, style="bold yellow", markup=False)

    def note(self, text: str) -> None:
        """Say to a person what is no event."""
        if self.is_for_programs:
            return
        self._live.clear()
        if self.terminal is not None:
            self.terminal.buried()
        err.print(printable(text), style="yellow", markup=False, highlight=False, soft_wrap=True)

    def connection(self, state: str) -> None:
        """The connection was lost, or stands again: said once each."""
        if state == "reconnecting" and not self._is_lost:
            self._is_lost = True
            self.note("… connection lost; reconnecting")
        elif state == "connected" and self._is_lost:
            self._is_lost = False
            self.note("… connected again")
            if self.terminal is not None:  # once what was missed has been shown
                asyncio.get_running_loop().call_later(_CAUGHT_UP_S, self.terminal.ask_again)

    @property
    def is_stuck(self) -> bool:
        """Whether the thread waits for an answer that nobody here can give."""
        return bool(self._unanswered.open) and self.terminal is None and not self.is_for_programs

    def ended(self) -> int:
        """Say how it ended; the exit code."""
        last = self._last
        if last is not None and not self.is_for_programs:
            self._live.clear()
            out.print(f"thread {last.thread_id}", style="dim", highlight=False)
        if last is not None and self.is_stuck:
            asked = next(iter(self._unanswered.open.values()))
            self._hint(
                f"The run waits for your answer, and there is no terminal to ask at: {question_text(asked)}",
                f"To answer, type on a terminal: {self._resume_command} {last.thread_id}",
            )
            return EXIT_WAITING
        return 0 if last is None or isinstance(last, AgentCompleted) else EXIT_FAILED

    def interrupted(self) -> None:
        """Say what becomes of the run."""
        last = self._last
        if last is not None and not isinstance(last, TERMINAL) and not self.is_for_programs:
            self._live.clear()
            err.print()  # after the ^C of the terminal
            self._hint("The run goes on at the server.", f"Follow it with: {self._resume_command} {last.thread_id}")
            if self._cancel_command:
                self._hint(f"Stop it with: {self._cancel_command} {last.run_id}")

    def _hint(self, *lines: str) -> None:
        for each in lines:
            err.print(each, style="yellow", markup=False, highlight=False, soft_wrap=True)
