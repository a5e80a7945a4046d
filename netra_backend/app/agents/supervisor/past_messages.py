"""What was said before in a thread, for agents that want to know."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from ...core.events import AgentCompleted, UserMessage, decode_event
from ...core.history import RunRecord
from ...core.message_parts import read_parts
from ...core.superseded import Superseded, superseded_in
from ...ports import EventLog
from ..interface import PastMessage, ThreadMessage

MAX_MESSAGES: Final = 20
_LOOK_BACK: Final = 2000
_KEPT: Final = 5 * MAX_MESSAGES  # of which the newest may be superseded by what comes later
_ASKED: Final = b'"user_message"'
_ANSWERED: Final = b'"agent_completed"'
_TAG_WITHIN: Final = 40


async def past_messages(log: EventLog, run: RunRecord, count: int) -> list[PastMessage]:
    """The last ``count`` (at most 20) messages before this run: requests that were made before its own, and the answers to
    them that came before it started; without what was superseded. Oldest first, and the same on every replay."""
    found: deque[tuple[int, ThreadMessage]] = deque(maxlen=_KEPT)
    async for begins, item in _told(log, run, max(0, run.seq - 1 - _LOOK_BACK)):
        if isinstance(item, ThreadMessage):
            found.append((begins, item))
        else:
            found = deque((each for each in found if not item.has(each[0])), maxlen=_KEPT)
    last = list(found)[-min(count, MAX_MESSAGES) :]
    return [PastMessage(each.role, each.text, each.agent, each.data) for _, each in last]


async def thread_messages(log: EventLog, run: RunRecord) -> AsyncIterator[ThreadMessage]:
    """All messages of the thread before this run, exact and whole, oldest first, paged: as ``past_messages`` says which."""
    if run.seq == 1:
        return
    await log.durable(run)
    superseded: list[Superseded] = []
    async for page in log.pages(run.head, 0, min(run.seq + 1, run.head.durable)):
        superseded += filter(None, map(superseded_in, page))
    async for begins, item in _told(log, run, 0):
        if isinstance(item, ThreadMessage) and not any(each.has(begins) for each in superseded):
            yield item


async def no_messages() -> AsyncIterator[ThreadMessage]:
    """Those of a run that has no thread to read."""
    return
    yield


async def _told(log: EventLog, run: RunRecord, after: int) -> AsyncIterator[tuple[int, ThreadMessage | Superseded]]:
    """Each message before the run, with the position where its own run begins, and what superseded some, in order. If a message's
    run began before what is looked at, that is where it is taken to begin."""
    await log.durable(run)
    begun: dict[str, tuple[int, str]] = {}
    # What was answered after it started (an earlier run may sleep until then) was not there to be read.
    upto = run.started or run.head.durable
    async for page in log.pages(run.head, after, upto):
        for frame in page:
            superseded = superseded_in(frame)
            if superseded is not None:
                if superseded.by <= run.seq:
                    yield superseded.by, superseded
                continue
            tag = frame[:_TAG_WITHIN]
            if _ASKED not in tag and _ANSWERED not in tag:
                continue
            event = decode_event(frame)
            if isinstance(event, UserMessage) and event.seq < run.seq:
                begun[event.run_id] = event.seq, event.agent
                message_id = event.message_id or event.request_id
                parts = read_parts(event.text, event.parts)
                yield (
                    event.seq,
                    ThreadMessage("user", event.text, event.run_id, message_id, event.ts, event.agent, parts),
                )
            elif isinstance(event, AgentCompleted) and (event.seq < run.seq or event.run_id in begun):
                text, (begins, agent) = str(event.result.get("text", "")), begun.get(event.run_id, (after, ""))
                message_id, data = event.message_id or event.run_id, event.result.get("data")
                parts = read_parts(text, ())
                yield (
                    begins,
                    ThreadMessage("agent", text, event.run_id, message_id, event.ts, agent, parts, data),
                )
