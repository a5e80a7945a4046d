"""A whole server in the test's own process, without a network: real parts, and a wire that keeps what it is given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from netra_backend.app.agents.supervisor.agent_registry import MakeAgent
from netra_backend.app.agents.tools.definition import Tool
from netra_backend.app.config import Settings
from netra_backend.app.core.identity import BASE_SCOPES, Identity
from netra_backend.app.server.application import Application
from netra_backend.app.server.runtime import Runtime
from netra_backend.app.websocket_core.connection import Connection
from netra_backend.app.wiring import create_app, open_runtime

from .websocket_client import TERMINAL_EVENTS, Frame

_PATIENCE_SECONDS = 20.0


class KeptWire:
    """A socket that takes everything: ``frames`` in order, and ``closed`` with code and reason."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.closed: tuple[int, str] | None = None
        self.writable = True
        self.unsent = 0
        self._news = asyncio.Event()

    def send(self, frames: Sequence[bytes]) -> None:
        """Keep frames."""
        self.frames += [json.loads(frame) for frame in frames]
        self._news.set()

    def ping(self) -> bool:
        """Nobody is there to answer a ping."""
        return False

    def close(self, code: int, reason: str) -> None:
        """Keep how it ended."""
        self.closed = code, reason
        self._news.set()

    async def until(self, *kinds: str) -> Frame:
        """The first frame of one of these types that was not awaited before; fails where none comes."""
        seen = 0
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                for at in range(seen, len(self.frames)):
                    if self.frames[at]["type"] in kinds:
                        return self.frames.pop(at)
                seen = len(self.frames)
                assert self.closed is None, f"closed with {self.closed} before one of {kinds}; got {self.frames}"
                self._news.clear()
                await self._news.wait()


class ConnectedUser:
    """One user's connection to a server in this process."""

    def __init__(self, connection: Connection, wire: KeptWire) -> None:
        self.connection = connection
        self.wire = wire

    @property
    def user_id(self) -> str:
        """Whose it is."""
        return self.connection.user_id

    def send(self, **frame: Any) -> None:
        """Say something, as a client does."""
        self.connection.received(json.dumps(frame))

    def answer(self, question_id: str, answer: Any, **frame: Any) -> None:
        """Answer a question of the run, or an approval by its id: ``{"decision": "approve"}``."""
        self.send(type="answer_question", question_id=question_id, answer=answer, **frame)

    async def ended_run(self) -> Frame:
        """The event that ends the run."""
        return await self.wire.until(*TERMINAL_EVENTS)


@asynccontextmanager
async def running(
    data_dir: Path, *, agents: Iterable[MakeAgent] = (), tools: Iterable[Tool[Any]] = (), allow_drills: bool = False
) -> AsyncIterator[Runtime]:
    """All parts of a server on this data directory, wired as in production."""
    settings = Settings(data_dir=data_dir, allow_drills=allow_drills)
    async with open_runtime(settings, tuple(agents), tuple(tools)) as runtime:
        yield runtime


@asynccontextmanager
async def running_application(
    data_dir: Path, *, allow_drills: bool = False, secrets_key: bytes | None = None
) -> AsyncIterator[tuple[Application, Runtime]]:
    """The whole ASGI application of a server on this data directory, from the start of its lifespan to its end."""
    application = create_app(Settings(data_dir=data_dir, allow_drills=allow_drills, secrets_key=secrets_key))
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    told.put_nowait({"type": "lifespan.startup"})
    serving = asyncio.create_task(application({"type": "lifespan"}, told.get, heard.put))
    assert (await heard.get())["type"] == "lifespan.startup.complete"
    assert application.runtime is not None
    try:
        yield application, application.runtime
    finally:
        told.put_nowait({"type": "lifespan.shutdown"})
        await serving


@asynccontextmanager
async def connected_user(runtime: Runtime, user_id: str, *, token_id: str = "") -> AsyncIterator[ConnectedUser]:
    """Connect an authenticated user, by a token of this id; the welcome is taken."""
    manager = await runtime.managers.create_websocket_manager(user_id, runtime.mint("thr"), runtime.mint("conn"))
    wire = KeptWire()
    identity = Identity(user_id, BASE_SCOPES, None, runtime.clock.now_ms(), token_id)
    connection = runtime.connections.open(manager, wire, identity)
    try:
        await wire.until("connected")
        yield ConnectedUser(connection, wire)
    finally:
        runtime.connections.closed(connection)
