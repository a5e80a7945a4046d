"""What an earlier run of a thread has kept for the next one."""

from __future__ import annotations

from typing import Final

from ...core.events import AgentCompleted, StepRecorded, UserMessage, decode_event
from ...core.superseded import Superseded, superseded_in
from ...services.event_emitter import UserEventEmitter

_WINDOW: Final = 2000
_TAG_WITHIN: Final = 40
_TAGS: Final = (b'"user_message"', b'"agent_completed"', b'"step_recorded"')


async def kept_before(emitter: UserEventEmitter, name: str, runs: int) -> dict[str, str]:
    """The blobs that were recorded last under this name by runs that had completed when the emitter's began and were not
    superseded, by their runs: the last ``runs``, newest first. The thread is read from its end, so a long one costs no more than
    it must."""
    run = emitter.run
    kept: dict[str, str] = {}
    upto = run.started if run.seq > 1 else 0
    if upto:
        await emitter.durable()
    completed: set[str] = set()
    superseded: list[Superseded] = []
    last: dict[str, tuple[int, str]] = {}
    while upto > 0:
        after = max(0, upto - _WINDOW)
        found: list[StepRecorded] = []
        begun: dict[str, int] = {}
        async for frame in emitter.before(after, upto):
            told = superseded_in(frame)
            if told is not None:
                if told.by <= run.seq:
                    superseded.append(told)
                continue
            if not any(tag in frame[:_TAG_WITHIN] for tag in _TAGS):
                continue
            event = decode_event(frame)
            if isinstance(event, AgentCompleted):
                completed.add(event.run_id)
            elif isinstance(event, UserMessage):
                begun[event.run_id] = event.seq
            elif isinstance(event, StepRecorded) and event.name == name and event.run_id != run.run_id:
                found.append(event)
        for each in reversed(found):
            last.setdefault(each.run_id, (each.seq, each.recorded.ref))
        for run_id, (seq, ref) in sorted(last.items(), key=lambda item: -item[1][0]):
            begins = begun.get(run_id, seq)
            if run_id in completed and not any(each.has(begins) for each in superseded):
                kept.setdefault(run_id, ref)
            if len(kept) == runs:
                return kept
        upto = after
    return kept
