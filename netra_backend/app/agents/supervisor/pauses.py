"""Pauses of an agent: one ends at the time that was recorded when it began, whatever becomes of its process meanwhile."""

from __future__ import annotations

import asyncio
from typing import Final

from ...core.asks import OwnStep
from ...core.events import StepFinished, StepStarted
from ...core.journal import Recorded, Unknown
from ...core.quoting import quoted_whole
from .run_recorder import BROKEN_OFF, RunRecorder, until_cancelled

SLEEP: Final = "sleep"
LONGEST_S: Final = 366 * 24 * 3600.0
_LOOK_S: Final = 30.0  # how soon a clock that was set is noticed


def check_pause(seconds: float) -> None:
    """Raises ``ValueError`` unless a pause may be that long."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_S:
        raise ValueError(f"A pause has 0 to {LONGEST_S:.0f} seconds, not {quoted_whole(seconds)}.")


async def sleep(recorder: RunRecorder, parent_call_id: str, key: str, seconds: float) -> None:
    """Wait until the pause ends, on behalf of the step ``parent_call_id``: at once if it is over by now."""
    clock = recorder.services.clock
    await recorder.emitter.keep_pace()
    answer = recorder.next(key, OwnStep(SLEEP, ""))
    if type(answer) is Recorded:
        if answer.cancelled:
            await until_cancelled()
        return
    call_id = answer.call_id
    began_ms = clock.now_ms()
    if isinstance(answer, Unknown):
        wake_ms = answer.wake_ms
    else:
        wake_ms = began_ms + round(seconds * 1000)
        recorder.emit(StepStarted, call_id, SLEEP, "", key, parent_call_id=parent_call_id, wake_ms=wake_ms)
    if wake_ms > clock.now_ms():
        recorder.suspend("waiting")
    recorder.sleeping[call_id] = wake_ms
    try:
        while (left_ms := wake_ms - clock.now_ms()) > 0:  # noqa: ASYNC110  # it is time itself that is waited for
            await asyncio.sleep(min(left_ms / 1000, _LOOK_S))
    except asyncio.CancelledError:
        if not recorder.stopping:
            recorder.emit(StepFinished, call_id, False, clock.now_ms() - began_ms, error=dict(BROKEN_OFF))
        raise
    finally:
        del recorder.sleeping[call_id]
    recorder.emit(StepFinished, call_id, True, clock.now_ms() - began_ms)
