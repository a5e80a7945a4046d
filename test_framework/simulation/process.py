"""One server process: every part of the product but its sockets and its disk, and the ways in which it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final, cast

from netra_backend.app.agents.supervisor.agent_registry import AgentRegistry
from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from netra_backend.app.agents.supervisor.run_services import RunServices
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.cluster.peer_client import PeerClient
from netra_backend.app.core.errors import DependencyUnavailable, NotFound
from netra_backend.app.core.history import Chunk
from netra_backend.app.core.identity import Identity
from netra_backend.app.core.ids import mint
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.quotas import Quotas
from netra_backend.app.ports import Clock, Entropy
from netra_backend.app.runs.parts import RunParts
from netra_backend.app.runs.service import RunService
from netra_backend.app.services.audit_trail import AuditTrail
from netra_backend.app.services.authentication import Authentication
from netra_backend.app.services.conversations import Conversations
from netra_backend.app.services.questions import OpenQuestions
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory
from netra_backend.app.web.sockets.connection_handler import ConnectionHandler
from netra_backend.app.websocket_core.catch_up import CatchUp, Delivered
from netra_backend.app.websocket_core.connection import Connection
from netra_backend.app.websocket_core.websocket_connection_pool import WebSocketConnectionPool
from netra_backend.app.websocket_core.websocket_manager_factory import WebSocketManagerFactory
from test_framework.memory.event_log import MemoryEventLog

from .link import Link
from .truth import RecordedStore
from .workers import EchoModel, Effects, Worker, make_tools

SCOPES: Final = frozenset({"usage"})


@dataclass(slots=True)
class Weather:
    """How bad things are: asked by everything that takes time or may fail. ``calm`` ends all of it."""

    rng: Random
    slowest_commit: float
    slowest_read: float
    slowest_tool: float
    slowest_network: float
    failing_commits: int = 0

    def pace(self, kind: str) -> float:
        """``adapters.memory_event_log.Pace``."""
        if kind == "commit" and self.failing_commits:
            self.failing_commits -= 1
            raise OSError("the disk is full")
        slowest = self.slowest_read if kind == "read" else self.slowest_commit
        return self.rng.random() * slowest if self.rng.random() < 0.7 else 0.0

    def calm(self) -> None:
        """From now on everything works, fast."""
        self.failing_commits = 0
        self.slowest_commit = self.slowest_read = self.slowest_tool = self.slowest_network = 0.01


@dataclass(frozen=True, slots=True)
class Outside:
    """What a process is started with."""

    loop: asyncio.AbstractEventLoop
    clock: Clock
    entropy: Entropy
    store: RecordedStore
    effects: Effects
    weather: Weather
    limits: Limits
    page_events: int


class OwnTasks:
    """A loop as one process sees it: its tasks are known, so that they die with it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self.dead = False
        self.create_future = loop.create_future
        self.call_soon = loop.call_soon
        self.call_later = loop.call_later
        self.get_task_factory = loop.get_task_factory
        self.set_task_factory = loop.set_task_factory

    def create_task(self, work: Coroutine[Any, Any, Any], context: Context | None = None) -> asyncio.Task[Any]:
        """As a loop's; in a dead process the task never takes a step."""
        task = self._loop.create_task(work, context=context)
        self._tasks[task] = None
        task.add_done_callback(lambda task: self._tasks.pop(task, None))
        if self.dead:
            task.cancel()
        return task

    def die(self) -> None:
        """Every task ends here."""
        self.dead = True
        for task in list(self._tasks):
            task.cancel()


class _NoTokens(Authentication):
    """Devices come with an identity, as behind a header that was verified."""

    def __init__(self) -> None:
        """Nothing is needed."""

    def standing(self, identity: Identity) -> Identity:
        """Nobody is revoked."""
        return identity


class _NoAudit:
    """``ports.Audit`` that keeps nothing."""

    trouble = broken = ""

    def record(
        self, owner: str | None, event: str, point_id: str | None, detail: Mapping[str, str | int], now_ms: int
    ) -> None:
        """Forget it."""

    async def rows(self, owner: str, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        return []

    def counts(self) -> Mapping[str, int]:
        return {}

    async def pseudonymise(self, owner: str) -> int:
        return 0

    async def trim(self, before_ms: int) -> int:
        return 0

    async def close(self) -> None:
        """Nothing is open."""


class LossyConnection(Connection):
    """A connection behind a bus that may lose live events on their way to it."""

    __slots__ = ("link",)
    link: Link

    def deliver(self, owner: str, thread_id: str, first: int, frames: Sequence[bytes]) -> bool:
        """As a connection does, or lost."""
        if self.link.to_lose and owner == self.user_id and thread_id not in self.catching_up:
            self.link.to_lose -= 1
            self.link.missing.update((thread_id, seq) for seq in range(first, first + len(frames)))
            return False
        return super().deliver(owner, thread_id, first, frames)


class ServerProcess:
    """Start it, connect to it, and end it one way or the other. ``failed`` is called when its log fails."""

    _peers: PeerClient | None = None
    _delivered: Delivered | None = None

    def __init__(self, outside: Outside, failed: Callable[[ServerProcess], None]) -> None:
        self.outside = outside
        self.ready = False
        self._ending = False
        self.misrouted: LossyConnection | None = None
        clock, limits = outside.clock, outside.limits
        self.tasks = OwnTasks(outside.loop)
        loop = cast(asyncio.AbstractEventLoop, self.tasks)
        self.pool = WebSocketConnectionPool()
        self.pool.configure(loop.call_soon)
        self._failed = failed
        self.log = self._open_log(loop)
        self.quotas = Quotas(limits)
        self.conversations = Conversations(self.log, clock, outside.entropy, self.mint, self.quotas)
        registry = AgentRegistry()
        registry.configure(Worker)
        dispatchers = UnifiedToolDispatcherFactory()
        rng = outside.weather.rng
        slowest = partial(getattr, outside.weather, "slowest_tool")
        dispatchers.configure(make_tools(rng, outside.effects, slowest))
        self.bridge = WebSocketBridgeFactory()
        self.bridge.configure(self.pool, registry, None, event_log=self.log, clock=clock)
        self.engines = ExecutionEngineFactory(self.bridge)
        self.engines.configure(dispatchers)
        self._managers = WebSocketManagerFactory()
        self._managers.configure(limits, clock)
        self._audit_trail = AuditTrail(_NoAudit(), clock)
        self.turns = RunService(
            RunParts(
                log=self.log,
                conversations=self.conversations,
                engines=self.engines,
                registry=registry,
                services=RunServices(
                    clock, OpenQuestions(limits), self.mint, EchoModel(rng, slowest), registry=registry
                ),
                quotas=self.quotas,
                limits=limits,
                loop=loop,
            ),
            peers=self._peers,
        )
        self._handler = ConnectionHandler(
            authentication=_NoTokens(),
            runs=self.turns,
            catch_up=CatchUp(self.log, self.conversations, self._delivered),
            pool=self.pool,
            quotas=self.quotas,
            limits=limits,
            clock=clock,
            audit_trail=self._audit_trail,
            mint=self.mint,
            loop=loop,
            connection_type=LossyConnection,
        )

    @property
    def connections(self) -> list[LossyConnection]:
        """Those that are open."""
        return cast(list[LossyConnection], list(self._handler))

    def _open_log(self, loop: asyncio.AbstractEventLoop) -> MemoryEventLog:
        outside = self.outside
        return MemoryEventLog(
            outside.store,
            outside.clock,
            loop,
            self._publish,
            lambda _: self._failed(self),
            pace=outside.weather.pace,
            page_events=outside.page_events,
            page_bytes=outside.limits.outbox_bytes // 4,
        )

    def mint(self, kind: str) -> str:
        """An id."""
        return mint(kind, self.outside.clock.now_ms(), self.outside.entropy.take(10))

    def start(self) -> None:
        """Take over what is unfinished, then take connections."""
        self.tasks.create_task(self._run())

    async def _run(self) -> None:
        await self.turns.recovery.take_over()
        self.ready = not self._ending
        while True:
            await asyncio.sleep(1.0)
            self._tick()

    def _tick(self) -> None:
        clock = self.outside.clock
        for connection in self.connections:
            connection.tick(clock.monotonic(), clock.now_ms())
        self.turns.tick(clock.monotonic())

    # --- connections ------------------------------------------------------------------------------------------------

    def connect(self, link: Link, identity: Identity) -> None:
        """A device has come."""
        if not self.ready:
            link.break_off()
        else:
            self.tasks.create_task(self._serve(link, identity))

    async def _serve(self, link: Link, identity: Identity) -> None:
        manager = await self._managers.create_websocket_manager(identity.user_id, self.mint("thr"), self.mint("conn"))
        connection = cast(LossyConnection, self._handler.open(manager, link, identity))
        connection.link = link
        link.attach(_Served(self, connection))

    def left(self, connection: LossyConnection) -> None:
        """The connection is over."""
        self._handler.closed(connection)

    def _deliver(self, chunks: list[Chunk]) -> None:
        self.pool.publish(chunks)

    def _publish(self, chunks: list[Chunk]) -> None:
        self._deliver(chunks)
        for chunk in chunks:
            stray = self.misrouted
            if stray is not None and stray.user_id != chunk.head.owner:
                self.misrouted = None
                if stray.deliver(chunk.head.owner, chunk.head.thread_id, chunk.first, chunk.frames):
                    self.pool.touch(stray)

    # --- what its users and operators do ----------------------------------------------------------------------------

    def delete(self, user_id: str, thread_id: str) -> None:
        """As ``DELETE /api/threads/{id}`` does."""
        if self.ready:
            self.tasks.create_task(self._delete(user_id, thread_id))

    async def _delete(self, user_id: str, thread_id: str) -> None:
        with suppress(NotFound, DependencyUnavailable):
            await self.turns.commands.delete_thread(user_id, thread_id)

    def retain(self, before_ms: int) -> None:
        """Delete what is older, as retention does."""
        if self.ready:
            self.tasks.create_task(self._retain(before_ms))

    async def _retain(self, before_ms: int) -> None:
        with suppress(DependencyUnavailable):
            await self.log.trim(before_ms)

    # --- ends -------------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return not self.tasks.dead

    def _end(self) -> None:
        self.ready = False
        self._ending = True

    def isolate(self) -> None:
        """Everybody takes it for dead, and it goes on."""
        self._end()
        for connection in self.connections:
            connection.link.break_off()
            self.left(connection)

    def kill(self) -> None:
        """``kill -9``."""
        self._end()
        self.log.abandon()
        for connection in self.connections:
            connection.link.break_off()
        self.tasks.die()
        self._burial = self.outside.loop.create_task(self._bury())

    async def _bury(self) -> None:
        await asyncio.sleep(0)
        await self.engines.cleanup()  # a dead process has no open engines that could warn

    async def drain(self) -> None:
        """As SIGTERM does."""
        self._end()
        await self._handler.drain(self.outside.limits.drain_s)
        await self.log.close()
        self.kill()


@dataclass(slots=True)
class _Served:
    """``link.Far``: the connection, and its process when it is over."""

    process: ServerProcess
    connection: LossyConnection

    def received(self, raw: bytes | str) -> None:
        self.connection.received(raw)

    def ponged(self) -> None:
        self.connection.ponged()

    def writable(self) -> None:
        self.connection.writable()

    def lost(self) -> None:
        if self.process.alive:
            self.process.left(self.connection)
