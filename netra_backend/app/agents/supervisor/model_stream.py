"""A streamed answer on its way to the user: which of its text may be shown already, and in how few events."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Protocol

from ...core.errors import DependencyUnavailable
from ...core.events import AgentDelta, ModelCompleted
from ...core.hidden_values import HiddenValues
from ...core.journal import CANCELLED
from ...ports import Clock

REFUSED: Final = "The language model's answer contained figures that could not be confirmed."
INTERVAL_S: Final = 0.05
MAX_CHARACTERS: Final = 4096


_END: Final = re.compile(r"[.!?:;][)\"'*_]{0,3}\s+|\n+")
"""Matches the certain end of a sentence or a line: what follows can no longer change a number in it."""


class SentenceGate:
    """Lets a sentence through when it is whole and ``check`` has found nothing wrong with it; after the first that is refused,
    nothing more. Each is checked together with the one before it, so that nothing is read into the two of them that
    is in neither."""

    __slots__ = ("_before", "_check", "_held", "refused")

    def __init__(self, check: Callable[[str], bool]) -> None:
        self._check = check
        self._held = ""
        self._before = ""
        self.refused = False

    def add(self, text: str) -> str:
        """What may be shown, now that ``text`` has come, too."""
        self._held += text
        ends = [match.end() for match in _END.finditer(self._held)]
        # An end that is the last thing to have come may yet be followed by more space, or by a word that goes with it.
        whole = [end for end in ends if end < len(self._held)]
        return self._released(whole)

    def rest(self) -> str:
        """What may be shown of what is left, at the end."""
        return self._released([match.end() for match in _END.finditer(self._held)] + [len(self._held)])

    def _released(self, ends: list[int]) -> str:
        shown, begin = "", 0
        for end in ends:
            sentence = self._held[begin:end]
            if self.refused or not self._check(self._before + sentence):
                self.refused = True
                break
            shown += sentence
            self._before, begin = sentence, end
        self._held = "" if self.refused else self._held[begin:]
        return shown


class Coalescer:
    """``add`` gives what is to be sent now, which may be nothing; ``rest`` what is left at the end."""

    __slots__ = ("_clock", "_parts", "_sent_at", "_size")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._parts: list[str] = []
        self._size = 0
        self._sent_at = clock.monotonic()

    def add(self, text: str) -> str:
        self._parts.append(text)
        self._size += len(text)
        now = self._clock.monotonic()
        if self._size < MAX_CHARACTERS and now - self._sent_at < INTERVAL_S:
            return ""
        self._sent_at = now
        return self.rest()

    def rest(self) -> str:
        joined = "".join(self._parts)
        self._parts.clear()
        self._size = 0
        return joined


class Records(Protocol):
    """What records events, without the values that are hidden."""

    emit: Callable[..., bool]
    hidden: HiddenValues


class Shown:
    """What one attempt at a model call shows its user, event by event, by ``records.emit``."""

    __slots__ = ("_attempt", "_call_id", "_coalescer", "_gate", "_held", "_parent", "_records", "_said", "is_begun")

    def __init__(
        self,
        records: Records,
        call_id: str,
        attempt: int,
        parent_call_id: str,
        coalescer: Coalescer,
        gate: SentenceGate | None,
    ) -> None:
        self._records = records
        self._call_id = call_id
        self._attempt = attempt
        self._parent = parent_call_id
        self._coalescer = coalescer
        self._gate = gate
        self._said: list[str] = []
        self._held = ""
        self.is_begun = False
        """Whether anything has come."""

    def add(self, text: str) -> None:
        """Show what may be shown, now that ``text`` has come."""
        self.is_begun = True
        passed = text if self._gate is None else self._gate.add(text)
        self._said.append(passed)
        self._part(self._coalescer.add(passed))

    def finish(self, reason: str, usage: dict[str, Any]) -> str:
        """Show the rest; all that was shown. Raises ``DependencyUnavailable`` if a sentence was refused."""
        passed = "" if self._gate is None else self._gate.rest()
        self._said.append(passed)
        self._part(self._coalescer.add(passed))
        if self._gate is not None and self._gate.refused:
            raise DependencyUnavailable(REFUSED)
        self._part(self._coalescer.rest())
        self._end(reason, usage)
        return "".join(self._said)

    def fail(self, error: str, usage: dict[str, Any]) -> None:
        """End with an error."""
        self._part(self._coalescer.rest())
        self._end("error", usage, error)

    def cancel(self, usage: dict[str, Any]) -> None:
        """End as broken off by the agent."""
        self._part(self._coalescer.rest())
        self._end(CANCELLED.lower(), usage)

    def replace(self, text: str, usage: dict[str, Any]) -> str:
        """Show ``text`` in place of everything that this attempt has shown."""
        self._attempt += 1
        self._held = ""
        self._part(text)
        self._end("replaced", usage)
        return text

    def _part(self, text: str) -> None:
        if self._records.hidden:
            text, self._held = self._records.hidden.split(self._held + text)
        self._emit(text)

    def _emit(self, text: str) -> None:
        if text:
            self._records.emit(AgentDelta, self._call_id, self._attempt, text, parent_call_id=self._parent)

    def _end(self, reason: str, usage: dict[str, Any], error: str | None = None) -> None:
        self._emit(self._held)
        self._records.emit(ModelCompleted, self._call_id, self._attempt, reason, usage, error)
