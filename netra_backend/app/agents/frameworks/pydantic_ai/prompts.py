"""What the user asked, and what was said in the thread before, as an agent of pydantic-ai takes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserContent,
    UserPromptPart,
)

from ...interface import RunScope, ThreadMessage
from ...supervisor.scope import EngineRunScope

MOST_RUNS: Final = 50
"""Of how many earlier runs an agent is given what was said."""


async def prompt(scope: RunScope) -> str | Sequence[UserContent]:
    """The message of the run, with its files."""
    if all(part["type"] == "text" for part in scope.parts):
        return scope.message
    content: list[UserContent] = []
    for part in scope.parts:
        if part["type"] == "text":
            content.append(part["text"])
        elif part["type"] == "data":
            content.append(msgspec.json.encode(part["data"]).decode())
        else:
            body = await scope.read_file(part["file_id"])
            content.append(BinaryContent.narrow_type(BinaryContent(body, media_type=part["media"])))
    return content


async def history(scope: EngineRunScope, agent: str) -> list[ModelMessage]:
    """What was said before in the thread, oldest first: exactly, of runs of the agent of this name, else as texts."""
    earlier: deque[tuple[str, list[ThreadMessage]]] = deque(maxlen=MOST_RUNS)
    async for message in scope.messages:
        if not earlier or earlier[-1][0] != message.run_id:
            earlier.append((message.run_id, []))
        earlier[-1][1].append(message)
    found: list[ModelMessage] = []
    kept = await scope.framework.messages_before(MOST_RUNS) if earlier else {}
    for run_id, messages in earlier:
        if run_id in kept and messages[-1].agent == agent:
            found += ModelMessagesTypeAdapter.validate_json(await scope.framework.blob(kept[run_id]))
        else:
            found += [_as_text(each) for each in messages if each.text]
    return found


def _as_text(message: ThreadMessage) -> ModelMessage:
    at = datetime.fromtimestamp(message.ts / 1000, UTC)
    if message.role == "user":
        return ModelRequest(parts=[UserPromptPart(message.text, timestamp=at)], timestamp=at)
    return ModelResponse(parts=[TextPart(message.text)], timestamp=at)
