"""Names what blocks the event loop: while it stands still nobody is served, no lease is renewed and no deadline fires.

The loop notes the time a few times a second. A thread looks whether it did, and if not, logs where the loop's thread is. A
process that was stopped as a whole (SIGSTOP, a suspended machine) stood still as well, but nobody's code is named for it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Final, Self

_LOG: Final = logging.getLogger("netra.loop")
TICK_S: Final = 0.25
STACK_DEPTH: Final = 30
_IDLE_SHARE: Final = 0.1  # of the time that a process stood still: less work than that, and it was stopped from outside

RunOf = Callable[[FrameType], Mapping[str, str]]
"""Which run and agent the code of a stack belongs to, in words for the log; empty if none."""


class LoopWatchdog:
    """A context, which watches the loop that it is entered in. ``most_s``: how long the loop may stand still.
    ``on_block(seconds, run_id)`` is called on the loop once it goes on; ``run_id`` is ``""`` if no run's code is to blame."""

    def __init__(
        self,
        most_s: float,
        run_of: RunOf,
        on_block: Callable[[float, str], None] = lambda seconds, run_id: None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.process_time,
    ) -> None:
        self._most_s = most_s
        self._run_of = run_of
        self.on_block = on_block
        self._monotonic = monotonic
        self._worked = worked
        self._last = (0.0, 0.0)  # when the loop was last seen, and how much the process had worked by then
        self._blamed: tuple[float, str] | None = None
        self._blocks = 0
        self._blocked_s = 0.0
        self._over = threading.Event()
        self._timer: asyncio.TimerHandle | None = None

    def counts(self) -> Mapping[str, int]:
        """How often the loop stood still for longer than it may, and for how many seconds in all."""
        return {"blocked": self._blocks, "blocked_s": round(self._blocked_s)}

    def __enter__(self) -> Self:
        """Watch from now on the loop in which this is called."""
        self._last = self._monotonic(), self._worked()
        self._tick(asyncio.get_running_loop())
        watched = threading.get_ident()
        threading.Thread(target=self._look_on, args=(watched,), name="netra-loop-watchdog", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no more."""
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()

    # --- on the loop ------------------------------------------------------------------------------------------------

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        before, _ = self._last
        now = self._monotonic()
        self._last = now, self._worked()
        if now - before >= self._most_s + TICK_S:
            self._went_on(before, now - before)
        self._timer = loop.call_later(TICK_S, self._tick, loop)

    def _went_on(self, before: float, seconds: float) -> None:
        blamed, self._blamed = self._blamed, None
        run_id = blamed[1] if blamed is not None and blamed[0] == before else ""
        self._blocks += 1
        self._blocked_s += seconds
        _LOG.warning("the event loop stood still", extra={"seconds": round(seconds, 1), "run_id": run_id})
        self.on_block(seconds, run_id)

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _look_on(self, watched: int) -> None:
        named = -1.0
        now = self._monotonic()
        while not self._over.wait(TICK_S):
            looked, now = now, self._monotonic()
            last, worked = self._last
            seconds = now - last
            if last == named or seconds < self._most_s + TICK_S:
                continue
            named = last
            if now - looked > TICK_S + seconds / 2 and self._worked() - worked < _IDLE_SHARE * seconds:
                continue  # this thread stood still as well, and nothing was at work: the process was stopped
            frame = sys._current_frames().get(watched)
            if frame is not None:
                self._name(last, seconds, frame)

    def _name(self, last: float, seconds: float, frame: FrameType) -> None:
        found = self._run_of(frame)
        self._blamed = last, found.get("run_id", "")
        stack = traceback.format_list(traceback.extract_stack(frame, limit=STACK_DEPTH))
        _LOG.error(
            "the event loop is blocked; call blocking code in a thread (a plain def tool is)",
            extra={"seconds": round(seconds, 1), **found, "stack": "".join(stack)},
        )
