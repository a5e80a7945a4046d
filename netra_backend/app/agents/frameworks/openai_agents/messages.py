"""The input of a served agent: the message with its files, and the thread's earlier messages."""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agents import SessionSettings
from agents.items import TResponseInputItem
from agents.memory import SessionABC

from ...interface import ThreadMessage
from ...supervisor.scope import EngineRunScope

_IMAGES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")


MOST_MESSAGES: Final = 100
"""How many earlier messages an agent is given."""


class Attached:
    """How much of files a request still has room for: they are held in memory, and sent each time."""

    def __init__(self, bytes_left: int) -> None:
        self._left = bytes_left

    async def message(self, scope: EngineRunScope, parts: Sequence[dict[str, Any]]) -> TResponseInputItem:
        """A user's message as the SDK's input: a text, or its parts in order. What there is no room for is named."""
        content = [await self._part(scope, part) for part in parts]
        texts = [part["text"] for part in content if part["type"] == "input_text"]
        whole: Any = {"role": "user", "content": texts[0] if len(content) == len(texts) == 1 else content}
        return whole  # type: ignore[no-any-return]

    async def _part(self, scope: EngineRunScope, part: dict[str, Any]) -> dict[str, Any]:
        if part["type"] == "text":
            return {"type": "input_text", "text": part["text"]}
        if part["type"] == "data":
            return {"type": "input_text", "text": json.dumps(part["data"], ensure_ascii=False)}
        if part["bytes"] > self._left:
            return {
                "type": "input_text",
                "text": f"(A file of {part['bytes']:,} bytes, {part['media']}, is not attached.)",
            }
        self._left -= part["bytes"]
        data = base64.b64encode(await scope.read_file(part["file_id"])).decode()
        address = f"data:{part['media']};base64,{data}"
        if part["media"] in _IMAGES:
            return {"type": "input_image", "image_url": address, "detail": "auto"}
        return {"type": "input_file", "file_data": address, "filename": part["file_id"]}


class ThreadSession(SessionABC):
    """The earlier messages of the run's thread, the newest files first to be ``attached``. Of earlier runs of the same agent it
    has what they added, tool calls among them; of others their texts."""

    def __init__(self, scope: EngineRunScope, agent: str, attached: Attached) -> None:
        self.session_id = scope.context.thread_id
        self.session_settings = SessionSettings()
        self._scope = scope
        self._agent = agent
        self._attached = attached
        self._items: list[TResponseInputItem] | None = None
        self._earlier = 0

    async def _all(self) -> list[TResponseInputItem]:
        if self._items is None:
            messages: deque[ThreadMessage] = deque(maxlen=MOST_MESSAGES)
            async for message in self._scope.messages:
                messages.append(message)
            kept = await self._scope.framework.messages_before(MOST_MESSAGES) if messages else {}
            items: list[Any] = []
            for message in reversed(messages):
                items += reversed(await self._said(message, kept))
            items.reverse()
            self._items, self._earlier = items, len(items)
        return self._items

    async def _said(self, message: ThreadMessage, kept: Mapping[str, str]) -> list[TResponseInputItem]:
        if message.role == "user":
            return [await self._attached.message(self._scope, message.parts)]
        if message.run_id in kept and message.agent == self._agent:
            items: list[TResponseInputItem] = json.loads(await self._scope.framework.blob(kept[message.run_id]))
            return items
        return [{"role": "assistant", "content": message.text}]

    def keep(self) -> None:
        """Keep what the run added to the message, for later ones of the thread."""
        if self._items is not None:
            added = self._items[self._earlier + 1 :]  # without the message itself, which the thread has
            self._scope.framework.keep_messages(json.dumps(added, default=str).encode())

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The newest ``limit`` items, or all, oldest first."""
        items = await self._all()
        return list(items) if limit is None else items[len(items) - min(limit, len(items)) :]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """More that was said."""
        (await self._all()).extend(items)

    async def pop_item(self) -> TResponseInputItem | None:
        """Take the newest item away."""
        items = await self._all()
        return items.pop() if items else None

    async def clear_session(self) -> None:
        """Begin anew."""
        self._items, self._earlier = [], 0
