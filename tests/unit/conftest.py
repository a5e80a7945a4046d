"""A server without sockets and files: users, agents and tools of a test's own, and a process that can be killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, cast

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.supervisor.agent_registry import AgentRegistry
from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from netra_backend.app.agents.supervisor.run_services import RunServices
from netra_backend.app.agents.tools.definition import Tool
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.cluster.peer_client import PeerClient
from netra_backend.app.core.errors import NetraError
from netra_backend.app.core.events import TERMINAL, AnyEvent, UserMessage, decode_event, encode_event
from netra_backend.app.core.frames import CancelRun, ExecuteAgent, ServerFrame
from netra_backend.app.core.history import Chunk, RunRecord
from netra_backend.app.core.identity import BASE_SCOPES
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.plans import Plans
from netra_backend.app.core.quotas import Quotas
from netra_backend.app.mcp_ports import AuthorizationClient, McpClient
from netra_backend.app.ports import Model
from netra_backend.app.runs.parts import RunParts
from netra_backend.app.runs.service import RunService
from netra_backend.app.secret_ports import SecretCipher
from netra_backend.app.services.audit_trail import AuditTrail
from netra_backend.app.services.conversations import Conversations
from netra_backend.app.services.files import Files
from netra_backend.app.services.mcp_authorizations import McpAuthorizations
from netra_backend.app.services.mcp_records import McpRecords
from netra_backend.app.services.mcp_servers import McpServers
from netra_backend.app.services.questions import OpenQuestions
from netra_backend.app.services.run_budgets import RunBudgets
from netra_backend.app.services.secrets import Secrets
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory
from netra_backend.app.websocket_core.websocket_connection_pool import WebSocketConnectionPool
from test_framework.clock import ManualClock, SeededEntropy
from test_framework.ids import new_id
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.store import MemoryStore
from test_framework.waiting import until

_PATIENCE_SECONDS = 20.0
Run = Callable[[Any], Awaitable[AgentResult]]


class Client:
    """A user's connection as turns and the pool see it: ``said`` are control frames, ``events`` what was delivered."""

    def __init__(self, user_id: str, scopes: Iterable[str] = BASE_SCOPES) -> None:
        self.user_id = user_id
        self.connection_id = new_id("conn")
        self.scopes = frozenset(scopes)
        self.plan = ""
        self.agents: frozenset[str] = frozenset()
        self.is_live = True
        self.said: list[Any] = []
        self.refused: list[NetraError] = []
        self.events: list[AnyEvent] = []
        self.news = asyncio.Event()

    def say(self, frame: ServerFrame) -> None:
        self.said.append(frame)
        self.news.set()

    def refuse(self, error: NetraError, id: str | None = None) -> None:
        self.refused.append(error)
        self.news.set()

    def deliver(self, owner: str, thread_id: str, first: int, frames: Sequence[bytes]) -> bool:
        assert owner == self.user_id
        self.events += [decode_event(frame) for frame in frames]
        self.news.set()
        return False

    def flush(self) -> None:
        """Nothing is queued."""

    def revoke(self) -> None:
        """Nobody is signed in."""

    async def until(self, condition: Callable[[], Any]) -> Any:
        """What the condition gives once it holds."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not (found := condition()):
                self.news.clear()
                await self.news.wait()
            return found

    async def saw(self, kind: type[Any], run_id: str | None = None) -> Any:
        """The first event of this type."""
        return await self.until(
            lambda: next(
                (each for each in self.events if isinstance(each, kind) and run_id in (None, each.run_id)), None
            )
        )

    async def heard(self, count: int = 1) -> Any:
        """The control frame of that number."""
        return await self.until(lambda: self.said[count - 1] if len(self.said) >= count else None)

    async def ended(self, run_id: str) -> list[AnyEvent]:
        """All events of a run that has ended."""
        await self.until(lambda: [each for each in self.events if isinstance(each, TERMINAL) and each.run_id == run_id])
        return [each for each in self.events if each.run_id == run_id]


Values = dict[tuple[str, str, str], tuple[bytes, int]]


class Workshop:
    """One server process over a store that outlives it."""

    def __init__(self, limits: Limits, clock: ManualClock, seed: str) -> None:
        self.limits = limits
        self.clock = clock
        self.entropy = SeededEntropy(seed)
        self.store = MemoryStore()
        self.peers: PeerClient | None = None
        self.audit: list[tuple[str | None, str | None]] = []
        self.trouble = ""
        self.agents: list[Callable[[], Any]] = []
        self.tools: list[Tool[Any]] = []
        self.model: Model | None = None
        self.cipher: SecretCipher | None = None
        self.mcp_client: McpClient | None = None
        self.failures: list[BaseException] = []
        self.revoked: dict[str, int] = {}
        self.plans: Plans | None = None
        self.prices: dict[str, Decimal] | None = None
        self.open()

    def agent(self, name: str, run: Run, tools: Iterable[str] = (), **more: Any) -> None:
        """Register an agent whose ``run`` is this function."""

        class Scripted:
            name = ""
            description = "of a test"
            tools: frozenset[str] = frozenset()

            async def run(self, scope: Any) -> AgentResult:
                return await run(scope)

        for attribute, value in {"name": name, "tools": frozenset(tools), **more}.items():
            setattr(Scripted, attribute, value)
        self.agents.append(Scripted)
        self.registry.configure(Scripted)

    def tool(self, tool: Tool[Any]) -> None:
        """Register a tool."""
        self.tools.append(tool)
        self.dispatchers.configure([tool])

    def answer_with(self, model: Model) -> None:
        """Configure a language model."""
        self.model = model
        self.open()

    def open_log(self, loop: asyncio.AbstractEventLoop) -> MemoryEventLog:
        """A log over the store."""
        return MemoryEventLog(self.store, self.clock, loop, self._publish, self.failures.append)

    def open(self) -> None:
        """Make all parts anew over the same store, as the next process does."""
        loop = asyncio.get_running_loop()
        self.pool = WebSocketConnectionPool()
        self.pool.configure(loop.call_soon)
        self.log = self.open_log(loop)
        self.quotas = Quotas(self.limits, self.plans)
        self.registry = AgentRegistry()
        self.registry.configure(*self.agents)
        self.dispatchers = UnifiedToolDispatcherFactory()
        self.dispatchers.configure(self.tools)
        self.bridge = WebSocketBridgeFactory()
        self.bridge.configure(self.pool, self.registry, None, event_log=self.log, clock=self.clock, limits=self.limits)
        self.engines = ExecutionEngineFactory(self.bridge)
        self.engines.configure(self.dispatchers)
        self.questions = OpenQuestions(self.limits)
        self.files = Files(self.log.files, self.limits, self.clock, self.mint)
        audit: Any = self
        trail = AuditTrail(audit, self.clock)
        self.budgets = None if self.prices is None else RunBudgets(self.log.spending, self.clock, self._price)
        self.secrets = Secrets(self.log.secrets, self.cipher, self.limits)
        self.mcp_servers = McpServers(self.log.mcp_servers, self.cipher, self.limits, self.mint)
        records, silent = McpRecords(self.log.mcp_servers, self.cipher), cast(AuthorizationClient, None)
        self.mcp_authorizations = McpAuthorizations(records, self.cipher, silent, self.limits, self.clock, self.entropy)
        self.services = RunServices(
            self.clock,
            self.questions,
            self.mint,
            self.model,
            trail,
            self.registry,
            files=self.files,
            limits=self.limits,
            secrets=self.secrets,
            mcp_servers=self.mcp_servers,
            mcp_authorizations=self.mcp_authorizations,
            mcp_client=self.mcp_client,
            budgets=self.budgets,
        )
        self.conversations = Conversations(self.log, self.clock, self.entropy, self.mint, self.quotas)
        self.turns = RunService(
            RunParts(
                log=self.log,
                conversations=self.conversations,
                engines=self.engines,
                registry=self.registry,
                services=self.services,
                quotas=self.quotas,
                limits=self.limits,
                loop=loop,
                revoked_ms=lambda user_id: self.revoked.get(user_id, -1),
                freeze_s=20.0,
                plans=self.plans,
            ),
            peers=self.peers,
        )

    def _price(self, model: str, at_ms: int, read: int, cached: int, written: int, answered: int) -> Decimal | None:
        """So many dollars a token."""
        each = (self.prices or {}).get(model)
        return None if each is None else each * (read + answered)

    def _publish(self, chunks: Sequence[Chunk]) -> None:
        self.pool.publish(chunks)

    def record(self, owner: str | None, event: str, point_id: str | None, detail: Any, now_ms: int) -> None:
        self.audit.append((owner, point_id))

    def mint(self, kind: str) -> str:
        return new_id(kind)

    def connect(self, user_id: str = "user_ada", scopes: Iterable[str] = BASE_SCOPES) -> Client:
        client = Client(user_id, scopes)
        self.pool.add(client)
        return client

    async def ask(self, client: Client, agent: str, message: str = "go", **fields: Any) -> Any:
        """Start a run; its ``accepted`` frame."""
        before = len(client.said)
        await self.turns.start(client, ExecuteAgent(agent, message, **fields))
        return await client.heard(before + 1)

    async def run(self, agent: str, message: str = "go", **fields: Any) -> list[AnyEvent]:
        """Run an agent for a user of its own, and give its events."""
        client = self.connect(new_id("user"))
        accepted = await self.ask(client, agent, message, **fields)
        return await client.ended(accepted.run_id)

    until = staticmethod(until)
    """What a condition gives once it holds, for what tells nobody."""

    async def cancel(self, client: Client, run_id: str) -> None:
        await self.turns.commands.cancel(client, CancelRun(run_id))

    def held(self, user_id: str = "user_ada") -> tuple[int, int]:
        """Runs and waiting runs of a user, as the limits count them."""
        quota = self.quotas.of(user_id, 0.0)
        return quota.runs, quota.queued

    async def kill(self) -> None:
        """End the process and open the next one."""
        await self.die()
        self.open()

    async def die(self) -> None:
        """End the process as ``kill -9`` does; what was committed is all that is left."""
        self.log.abandon()
        runs = self.turns.scheduler.all()
        for active in runs:
            if active.task is not None:
                active.task.cancel()
        await asyncio.gather(*(active.task for active in runs if active.task is not None), return_exceptions=True)
        for active in runs:
            active.engine.close()

    async def stored(self, run_id: str) -> list[AnyEvent]:
        """The run's events as they are stored."""
        found = await self.log.run(run_id)
        assert found is not None
        return [decode_event(frame) for frame in await self.log.run_frames(found)]

    async def killed_after(
        self, events: Sequence[AnyEvent], owner: str, frames: int, values: Values | None = None
    ) -> Client:
        """A process whose predecessor died when it had committed only so many of a run's frames, and these values. Its users
        have the MCP servers that they had. Takes the run over."""
        first = events[0]
        assert isinstance(first, UserMessage)
        before, servers = self.store.threads[first.thread_id], self.store.mcp_servers
        self.store = MemoryStore()
        self.store.mcp_servers |= servers
        self.open()
        thread = self.log.create(owner, first.thread_id, "e", "t", first.ts)
        run = RunRecord(thread, first.run_id, first.request_id, first.agent, None, "UTC", first.ts)
        for event in events[:frames]:
            named = getattr(event, "recorded", None)
            blobs = () if named is None else (before.blobs[named.ref],)
            self.log.append(run, encode_event(event), ends=isinstance(event, TERMINAL), blobs=blobs)
        await self.log.durable(run)
        self.store.values |= values or {}
        await self.kill()
        client = self.connect(owner)
        await self.turns.recovery.take_over()
        return client


class Gates:
    """An agent ``golden`` that thinks, then waits where its message names a gate that is shut."""

    def __init__(self, workshop: Workshop) -> None:
        self.shut: dict[str, asyncio.Event] = {}
        self.order: list[str] = []

        async def run(scope: Any) -> AgentResult:
            self.order.append(scope.message)
            await scope.think(scope.message)
            if scope.message in self.shut:
                await self.shut[scope.message].wait()
            return AgentResult(scope.message)

        workshop.agent("golden", run)

    def shutting(self, *messages: str) -> None:
        self.shut.update((message, asyncio.Event()) for message in messages)

    def open(self, *messages: str) -> None:
        for message in messages or list(self.shut):
            self.shut.pop(message).set()


@pytest.fixture
def gates(workshop: Workshop) -> Gates:
    return Gates(workshop)


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
async def workshop(limits: Limits, seed: str) -> AsyncIterator[Workshop]:
    made = Workshop(limits, ManualClock(), seed)
    yield made
    await made.turns.drain(0)
    await made.log.close()
    await made.engines.cleanup()


@pytest.fixture
def workshop_class() -> type[Workshop]:
    """For tests that need processes of another kind."""
    return Workshop


@pytest.fixture
def gates_class() -> type[Gates]:
    """For tests with several processes."""
    return Gates
