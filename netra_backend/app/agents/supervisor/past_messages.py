"""What was said before in a thread, for agents that want to know."""

from __future__ import annotations

from collections import deque
from typing import Final

from ...core.events import AgentCompleted, UserMessage, decode_event
from ...core.history import ThreadHead
from ...ports import EventLog
from ..agent import PastMessage

MAX_MESSAGES: Final = 20
_LOOK_BACK: Final = 2000


async def past_messages(log: EventLog, head: ThreadHead, before: int, count: int) -> list[PastMessage]:
    """The last ``count`` (at most 20) messages of the thread that stand before position ``before``, oldest first."""
    found: deque[PastMessage] = deque(maxlen=min(count, MAX_MESSAGES))
    agents: dict[str, str] = {}
    upto = min(before - 1, head.durable)
    async for page in log.pages(head, max(0, upto - _LOOK_BACK), upto):
        for frame in page:
            if b'"user_message"' not in frame[:40] and b'"agent_completed"' not in frame[:40]:
                continue
            event = decode_event(frame)
            if isinstance(event, UserMessage):
                agents[event.run_id] = event.agent
                found.append(PastMessage("user", event.text, event.agent))
            elif isinstance(event, AgentCompleted):
                result = event.result
                found.append(
                    PastMessage("agent", str(result.get("text", "")), agents.get(event.run_id, ""), result.get("data"))
                )
    return list(found)
