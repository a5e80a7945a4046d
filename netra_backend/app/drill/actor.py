"""What a drill needs of a user: a connection to speak over, and HTTP beside it. Over a network or in process alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

Frame = dict[str, Any]
TERMINAL: Final = frozenset({"agent_completed", "agent_failed", "agent_cancelled"})
PATIENCE_S: Final = 20.0
BINARY: Final = "application/octet-stream"
BROKEN: Final = 599
"""The status of an answer that did not come whole."""


class DrillFailed(Exception):
    """The drill could not be held: an owner could not open its own endpoint, or no answer came. It proves nothing then."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status and body."""

    status: int
    body: bytes


def content_type(body: bytes | None, media: str) -> dict[str, str]:
    """The header that a body has, if there is one."""
    return {} if body is None else {"Content-Type": media}


class Transport(Protocol):
    """One open WebSocket of a user, and HTTP with the same credentials."""

    user_id: str

    async def send(self, text: str) -> None:
        """Send one text frame."""

    async def receive(self) -> str | None:
        """The next text frame; ``None`` when the connection has closed."""

    async def http(self, method: str, path: str, body: bytes | None = None, *, media: str = BINARY) -> HttpAnswer:
        """One request, with a body of this media type. An answer that does not come whole is one of status ``BROKEN``."""

    async def knock(self, path_user: str) -> tuple[str, int]:
        """Try to connect at another user's path: the first frame and the close code."""


class Actor:
    """A user in a drill. It reads its connection all the time and keeps all that it is told."""

    def __init__(self, line: Transport, mint: Callable[[str], str]) -> None:
        self.line = line
        self.heard: list[str] = []
        self.connection_id = ""
        self._mint = mint
        self._frames: list[Frame] = []
        self._news = asyncio.Condition()
        self._ended = False
        self._reader: asyncio.Task[None] | None = None

    @property
    def user_id(self) -> str:
        """Who it is."""
        return self.line.user_id

    async def __aenter__(self) -> Actor:
        self._reader = asyncio.create_task(self._read())
        self.connection_id = str((await self.frame(lambda frame: frame["type"] == "connected"))["connection_id"])
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reader is not None
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while (text := await self.line.receive()) is not None:
                async with self._news:
                    self.heard.append(text)
                    self._frames.append(json.loads(text))
                    self._news.notify_all()
        finally:
            async with self._news:
                self._ended = True
                self._news.notify_all()

    async def frame(self, wanted: Callable[[Frame], bool], since: int = 0) -> Frame:
        """The first frame, the ``since``-th or later, that is wanted. Raises ``DrillFailed`` where none comes."""
        seen = since
        try:
            async with asyncio.timeout(PATIENCE_S), self._news:
                while True:
                    for frame in self._frames[seen:]:
                        if wanted(frame):
                            return frame
                    seen = len(self._frames)
                    if self._ended:
                        raise DrillFailed("the connection closed in the middle of the drill")
                    await self._news.wait()
        except TimeoutError:
            raise DrillFailed(f"no answer within {PATIENCE_S:g} s") from None

    async def say(self, frame: Mapping[str, Any], *, about: str = "") -> Frame:
        """Send a frame under a new key; the first answer to it: by its key, or on the thread it is ``about``."""
        key = str(frame.get("id") or self._mint("key"))
        before = len(self._frames)
        await self.line.send(json.dumps({**frame, "id": key}))

        def answers(heard: Frame) -> bool:
            return heard.get("id") == key or (about != "" and heard.get("thread_id") == about)

        return await self.frame(answers, before)

    async def run(self, agent: str, message: str, **fields: Any) -> Frame:
        """Have a run of one's own made and ended; its ``accepted`` frame."""
        accepted = await self.say({"type": "execute_agent", "agent": agent, "message": message, **fields})
        if accepted["type"] != "accepted":
            raise DrillFailed(f"a user's own request was refused: {accepted.get('message')}")
        run_id = accepted["run_id"]
        await self.frame(lambda frame: frame.get("run_id") == run_id and frame["type"] in TERMINAL)
        return accepted

    @property
    def threads(self) -> list[str]:
        """The threads in which a request of its own was accepted, in order."""
        accepted = (frame for frame in self._frames if frame["type"] == "accepted" and "seq" in frame)
        return list(dict.fromkeys(str(frame["thread_id"]) for frame in accepted))
