"""Runs an agent in this process over a log in memory, and again over the journal of that run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any

from netra_backend.app.agents.supervisor.agent_registry import AgentRegistry, MakeAgent
from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from netra_backend.app.agents.supervisor.run_services import RunServices
from netra_backend.app.agents.tools.definition import Tool
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.events import (
    TERMINAL,
    AgentCompleted,
    AnyEvent,
    ApprovalRequested,
    decode_event,
    encode_event,
)
from netra_backend.app.core.frames import ExecuteAgent
from netra_backend.app.core.history import Chunk, RunRecord
from netra_backend.app.core.identity import BASE_SCOPES
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.model_part import ModelPart
from netra_backend.app.core.questions import Said
from netra_backend.app.core.quotas import Quotas
from netra_backend.app.runs.parts import RunParts
from netra_backend.app.runs.service import RunService
from netra_backend.app.services.conversations import Conversations
from netra_backend.app.services.questions import OpenQuestions
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory
from netra_backend.app.websocket_core.websocket_connection_pool import WebSocketConnectionPool

from .clock import ManualClock, SeededEntropy
from .ids import new_id
from .memory.event_log import MemoryEventLog
from .memory.store import MemoryStore

_OWNER = "user_ada"


class _Answers:
    """``ports.Model`` that answers each prompt as it is told to."""

    name = "answers"

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers

    async def stream(self, prompt: str, *, system: str, max_tokens: int) -> AsyncGenerator[ModelPart, None]:
        """The answer. Raises ``DependencyUnavailable`` if there is none."""
        if prompt not in self._answers:
            raise DependencyUnavailable(f"There is no answer to {prompt!r}.")
        yield ModelPart(self._answers[prompt], {"input_tokens": 1, "output_tokens": 1})


class _Process:
    """One server process without sockets, over a store. ``over`` is set when the run has ended."""

    def __init__(self, bench: ReplayBench, store: MemoryStore) -> None:
        loop, clock = asyncio.get_running_loop(), ManualClock()
        self.over = asyncio.Event()
        self.accepted: asyncio.Future[Any] = loop.create_future()
        self._questions = OpenQuestions()
        pool, registry = WebSocketConnectionPool(), AgentRegistry()
        pool.configure(loop.call_soon)
        registry.configure(*bench.agents)
        dispatchers = UnifiedToolDispatcherFactory()
        dispatchers.configure(bench.tools)
        self.log = MemoryEventLog(store, clock, loop, self._publish, lambda _: None)
        bridge = WebSocketBridgeFactory()
        bridge.configure(pool, registry, None, event_log=self.log, clock=clock)
        self.engines = ExecutionEngineFactory(bridge)
        self.engines.configure(dispatchers)
        quotas = Quotas(Limits())
        services = RunServices(clock, self._questions, new_id, bench.model, registry=registry)
        conversations = Conversations(self.log, clock, SeededEntropy("bench"), new_id, quotas)
        self.runs = RunService(
            RunParts(
                log=self.log,
                conversations=conversations,
                engines=self.engines,
                registry=registry,
                services=services,
                quotas=quotas,
                limits=Limits(),
                loop=loop,
            )
        )

    # ``ports.Requester``
    user_id = _OWNER
    connection_id = None
    scopes = BASE_SCOPES
    plan = ""
    agents: frozenset[str] = frozenset()

    def say(self, frame: Any) -> None:
        """It was accepted."""
        if not self.accepted.done():
            self.accepted.set_result(frame)

    def refuse(self, error: Any, id: str | None = None) -> None:
        """It was not."""
        self.accepted.set_exception(error)

    def _publish(self, chunks: Sequence[Chunk]) -> None:
        for event in (decode_event(frame) for chunk in chunks for frame in chunk.frames):
            if isinstance(event, ApprovalRequested):
                asyncio.get_running_loop().call_soon(self._approve, event)
            elif isinstance(event, TERMINAL):
                self.over.set()

    def _approve(self, event: ApprovalRequested) -> None:
        said = Said(event.approval_id, {"decision": "approve"}, event.arguments_hash)
        self._questions.answer(_OWNER, said, "bench", lambda _: None)

    async def close(self) -> None:
        """End it."""
        await self.runs.drain(0)
        await self.log.close()
        await self.engines.cleanup()


class ReplayBench:
    """``agents`` and ``tools`` as a server has them; ``answers`` of its model by the prompt, ``None``: there is no model."""

    def __init__(
        self, agents: Iterable[MakeAgent], tools: Iterable[Tool[Any]], answers: Mapping[str, str] | None
    ) -> None:
        self.agents = tuple(agents)
        self.tools = tuple(tools)
        self.model = None if answers is None else _Answers(answers)
        self._blobs: dict[str, Blob] = {}

    async def run(self, agent: str, message: str) -> list[AnyEvent]:
        """The events of a run. Raises ``AssertionError`` if it does not end as completed."""
        store = MemoryStore()
        process = _Process(self, store)
        try:
            await process.runs.start(process, ExecuteAgent(agent, message))
            run_id = (await process.accepted).run_id
            await process.over.wait()
            found = await process.log.run(run_id)
            assert found is not None
            events = [decode_event(frame) for frame in await process.log.run_frames(found)]
            assert isinstance(events[-1], AgentCompleted), f"the run does not end well: {events[-1]}"
            for event in events:
                if (named := getattr(event, "recorded", None)) is not None:
                    kept = await process.log.blob(_OWNER, event.thread_id, named.ref)
                    assert kept is not None
                    self._blobs[named.ref] = Blob.of(*kept)
            return events
        finally:
            await process.close()

    async def replay(self, events: Sequence[AnyEvent]) -> None:
        """Have the run go on from its whole journal; only its end is not recorded."""
        store = MemoryStore()
        first: Any = events[0]
        before = _Process(self, store)
        head = before.log.create(_OWNER, first.thread_id, "epoch", "", first.ts)
        run = RunRecord(head, first.run_id, first.request_id, first.agent, None, "UTC", first.ts)
        for event in events[:-1]:
            named = getattr(event, "recorded", None)
            before.log.append(run, encode_event(event), blobs=() if named is None else (self._blobs[named.ref],))
        await before.log.durable(run)
        before.log.abandon()
        process = _Process(self, store)
        try:
            await process.runs.recovery.take_over()
            await process.over.wait()
        finally:
            await process.close()
            await before.engines.cleanup()
