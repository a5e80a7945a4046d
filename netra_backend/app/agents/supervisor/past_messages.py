"""What was said before in a thread, for agents that want to know."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from ...core.events import AgentCompleted, UserMessage, decode_event
from ...core.history import RunRecord
from ...ports import EventLog
from ..interface import PastMessage, ThreadMessage

MAX_MESSAGES: Final = 20
_LOOK_BACK: Final = 2000


async def past_messages(log: EventLog, run: RunRecord, count: int) -> list[PastMessage]:
    """The last ``count`` (at most 20) messages before this run: requests that were made before its own, and the answers to
    them, also one that came while it waited. Oldest first, and the same on every replay."""
    await log.durable(run)
    head = run.head
    found: deque[PastMessage] = deque(maxlen=min(count, MAX_MESSAGES))
    agents: dict[str, str] = {}
    async for page in log.pages(head, max(0, run.seq - 1 - _LOOK_BACK), head.durable):
        for frame in page:
            if b'"user_message"' not in frame[:40] and b'"agent_completed"' not in frame[:40]:
                continue
            event = decode_event(frame)
            if isinstance(event, UserMessage) and event.seq < run.seq:
                agents[event.run_id] = event.agent
                found.append(PastMessage("user", event.text, event.agent))
            elif isinstance(event, AgentCompleted) and (event.seq < run.seq or event.run_id in agents):
                result = event.result
                found.append(
                    PastMessage("agent", str(result.get("text", "")), agents.get(event.run_id, ""), result.get("data"))
                )
    return list(found)


async def thread_messages(log: EventLog, run: RunRecord) -> AsyncIterator[ThreadMessage]:
    """All messages of the thread before this run, exact and whole, oldest first, paged: as ``past_messages`` says which."""
    await log.durable(run)
    head = run.head
    agents: dict[str, str] = {}
    async for page in log.pages(head, 0, head.durable):
        for frame in page:
            if b'"user_message"' not in frame[:40] and b'"agent_completed"' not in frame[:40]:
                continue
            event = decode_event(frame)
            if isinstance(event, UserMessage) and event.seq < run.seq:
                agents[event.run_id] = event.agent
                message_id = event.message_id or event.request_id
                yield ThreadMessage("user", event.text, event.run_id, message_id, event.ts, event.agent)
            elif isinstance(event, AgentCompleted) and (event.seq < run.seq or event.run_id in agents):
                text, agent = str(event.result.get("text", "")), agents.get(event.run_id, "")
                message_id = event.message_id or event.run_id
                yield ThreadMessage("agent", text, event.run_id, message_id, event.ts, agent, event.result.get("data"))


async def no_messages() -> AsyncIterator[ThreadMessage]:
    """Those of a run that has no thread to read."""
    return
    yield
