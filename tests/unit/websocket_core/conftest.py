"""A connection without a socket: a wire that counts its writes, handlers that do as they are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.app.core.frames import AnswerQuestion, CancelRun, ExecuteAgent, ResolveApproval, Resume
from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead
from netra_backend.app.core.identity import Identity
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.session import Drill
from netra_backend.app.services.audit_trail import AuditTrail
from netra_backend.app.websocket_core.connection import Connection, ConnectionParts
from netra_backend.app.websocket_core.incoming import FrameHandlers, Handle
from netra_backend.app.websocket_core.websocket_connection_pool import WebSocketConnectionPool
from netra_backend.app.websocket_core.websocket_manager_factory import WebSocketManagerFactory
from test_framework import waiting
from test_framework.clock import ManualClock
from test_framework.ids import new_id


class CountedWire:
    """``outgoing.Wire``; ``writes`` has one list of frames for each write."""

    def __init__(self) -> None:
        self.writable = True
        self.unsent = 0
        self.answers_pings = True
        self.writes: list[list[bytes]] = []
        self.pings = 0
        self.closed: list[tuple[int, str]] = []
        self.fills_at: int | None = None

    def send(self, frames: Sequence[bytes]) -> None:
        assert self.writable, "sent to a socket that takes nothing"
        self.writes.append(list(frames))
        if self.fills_at is not None and sum(map(len, frames)) > self.fills_at:
            self.writable = False
            self.unsent = sum(map(len, frames))

    def ping(self) -> bool:
        self.pings += 1
        return self.answers_pings

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))

    @property
    def said(self) -> list[dict[str, Any]]:
        """All frames, decoded."""
        return [json.loads(frame) for write in self.writes for frame in write]


class KeptAudit:
    """As much of ``ports.Audit`` as a trail writes to."""

    trouble = ""

    def __init__(self) -> None:
        self.kept: list[tuple[str | None, str, str | None, dict[str, str | int]]] = []

    def record(
        self, owner: str | None, event: str, point_id: str | None, detail: Mapping[str, str | int], now_ms: int
    ) -> None:
        self.kept.append((owner, event, point_id, dict(detail)))


class ScriptedHandlers:
    """Handlers of every frame: each is kept, then answered by ``answer`` where a test sets one."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.answer: Callable[[str, Any], Awaitable[None]] | None = None
        self.catch_up: Handle | None = None
        self.bounds: dict[str, int] = {}

    def table(self) -> FrameHandlers:
        return FrameHandlers(
            authenticate=self._taking("authenticate", lambda token: token),
            commands={
                ExecuteAgent: self._taking("start", lambda frame: frame.message),
                CancelRun: self._taking("cancel", lambda frame: frame.run_id),
                ResolveApproval: self._taking("resolve", lambda frame: frame.approval_id),
                AnswerQuestion: self._taking("answer", lambda frame: frame.question_id),
            },
            replays={Resume: self._resume, Drill: self._taking("drill", lambda frame: frame.id)},
            **{"held_frames": 1000, "held_replays": 32, **self.bounds},
        )

    def _taking(self, what: str, shown: Callable[[Any], Any]) -> Handle:
        async def take(_: Any, asked: Any) -> None:
            self.asked.append((what, shown(asked)))
            if self.answer is not None:
                await self.answer(what, shown(asked))

        return take

    async def _resume(self, connection: Any, frame: Any) -> None:
        take = self.catch_up or self._taking("catch_up", lambda frame: frame.id)
        await take(connection, frame)


class Room:
    """Connections over one pool, one table of handlers and one clock."""

    def __init__(self, limits: Limits) -> None:
        self.clock = ManualClock()
        self.handlers = ScriptedHandlers()
        self.audit = KeptAudit()
        self.pool = WebSocketConnectionPool()
        self.pool.configure(asyncio.get_running_loop().call_soon)
        self.managers = WebSocketManagerFactory()
        self.managers.configure(limits, self.clock, drills_allowed=True)

    def publish(self, chunks: Iterable[tuple[Any, ...]]) -> None:
        """Deliver chunks of ``(owner, thread, first position, frame, …)``, as a log does once they are committed."""
        made = []
        for owner, thread_id, first, *frames in chunks:
            run = RunRecord(ThreadHead(owner, thread_id, "e", 1), "run_1", "req_1", "a", None, "UTC", 0)
            made.append(Chunk(run, first))
            made[-1].frames = frames
        self.pool.publish(made)

    async def connect(self, user_id: str = "user_ada", *, authenticated: bool = True) -> tuple[Connection, CountedWire]:
        """A connection, and its wire."""
        manager = await self.managers.create_websocket_manager(user_id, new_id("thr"), new_id("conn"))
        wire = CountedWire()
        audit: Any = self.audit
        parts = ConnectionParts(
            handlers=self.handlers.table(),
            pool=self.pool,
            audit_trail=AuditTrail(audit, self.clock),
            clock=self.clock,
            mint=lambda kind: f"{kind}_1",
            loop=asyncio.get_running_loop(),
        )
        connection = Connection(manager, wire, parts)
        if authenticated:
            connection.identity = Identity(user_id, frozenset({"usage"}), None, 0)
            connection.session.authenticated(user_id, None)
            self.pool.add(connection)
        return connection, wire


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
async def room(limits: Limits) -> Room:
    return Room(limits)


@pytest.fixture
def turns() -> Callable[..., Awaitable[None]]:
    """Let the loop turn a few times."""
    return waiting.turns


@pytest.fixture
def close_code() -> Callable[[str], tuple[int | None, str]]:
    """How a connection is closed for a condition of the catalogue."""
    return lambda kind: (CATALOGUE[kind].close_code, kind)
