"""Socket → context → engine → tool → event in a whole server: each link is broken once, and refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactoryError
from netra_backend.app.core.errors import FactoryRefused, SSotIsolationError
from netra_backend.app.core.events import AgentThinking
from netra_backend.app.core.history import RunRecord
from netra_backend.app.core.journal import Journal
from netra_backend.app.server.runtime import Runtime
from netra_backend.app.services.user_execution_context import UserExecutionContext
from test_framework.base_integration_test import BaseIntegrationTest
from test_framework.echo import TOOLS, Echo
from test_framework.ids import new_id
from test_framework.local_runtime import ConnectedUser, connected_user, running
from test_framework.ssot.fixtures import forge_user_execution_context

FIVE = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]


class Reaching(Echo):
    """Names another user in a tool's arguments."""

    name = "reaching"

    async def run(self, scope: RunScope) -> AgentResult:
        outcome = await scope.use_tool("repeat", text="x", user_id="user_of_another")
        return AgentResult("", {"error": outcome.error})


class TestExecutionPipelineSSotValidationFailures(BaseIntegrationTest):
    runtime: Runtime
    user: ConnectedUser

    @pytest_asyncio.fixture(autouse=True)
    async def server(self, tmp_path: Path) -> AsyncIterator[None]:
        async with (
            running(tmp_path / "data", agents=(Echo, Reaching), tools=TOOLS) as self.runtime,
            connected_user(self.runtime, new_id("user")) as self.user,
        ):
            yield

    def run_of(self, user_id: str, run_id: str | None = None, thread_id: str | None = None) -> RunRecord:
        head = self.runtime.log.create(user_id, thread_id or new_id("thread"), "epoch", "title", 0)
        return RunRecord(head, run_id or new_id("run"), new_id("req"), "echo", None, "UTC", 0)

    async def engine_of(self, user_id: str, run: RunRecord) -> Any:
        context = UserExecutionContext(user_id, run.head.thread_id, run.run_id, run.request_id)
        return await self.runtime.engines.create_for_user(context)

    async def test_a_whole_pipeline_shows_the_five_events_to_its_user(self) -> None:
        async with connected_user(self.runtime, new_id("user")) as other:
            self.user.send(type="execute_agent", agent="echo", message="canary-1")
            ended = await self.user.ended_run()
            assert ended["result"]["data"]["repeated"] == {"user_id": self.user.user_id, "text": "canary-1"}
            kinds = [frame["type"] for frame in self.user.wire.frames]
            assert kinds == ["accepted", "user_message", *FIVE[:-1]]
            assert other.wire.frames == []

    @pytest.mark.validation_point("session.thread_id")
    async def test_the_socket_refuses_a_placeholder(self) -> None:
        self.user.send(type="execute_agent", agent="echo", message="m", thread_id="placeholder_thread")
        frame = await self.user.wire.until("error", "accepted")
        assert frame["type"] == "error"
        assert (frame["error"], frame["code"], frame["field"]) == ("invalid_context", 1011, "thread_id")
        assert "Factory SSOT validation failed" in frame["message"]

    @pytest.mark.validation_point("session.user_id")
    async def test_the_socket_refuses_to_speak_for_another_user(self) -> None:
        self.user.send(type="execute_agent", agent="echo", message="m", user_id=new_id("user"))
        frame = await self.user.wire.until("error", "accepted")
        assert frame["type"] == "error"
        assert frame["error"] == "isolation_violation"

    @pytest.mark.validation_point("thread.claim")
    async def test_the_context_is_not_made_on_another_users_thread(self) -> None:
        async with connected_user(self.runtime, new_id("user")) as other:
            other.send(type="execute_agent", agent="echo", message="m", thread_id="shared_thread_123")
            await other.ended_run()
        self.user.send(type="execute_agent", agent="echo", message="m", thread_id="shared_thread_123")
        frame = await self.user.wire.until("error", "accepted")
        # Further in, the emitter would refuse as well: this is the refusal of the claim itself.
        assert (frame["type"], frame.get("field")) == ("error", "thread_id")
        assert "SSOT isolation" in frame["message"]

    @pytest.mark.validation_point("engine_factory.context")
    async def test_the_engine_is_not_made_for_a_forged_context(self) -> None:
        with pytest.raises(ExecutionEngineFactoryError, match="Invalid user context for engine creation"):
            await self.runtime.engines.create_for_user(forge_user_execution_context(run_id="default_run_789"))

    @pytest.mark.validation_point("engine.run")
    async def test_the_engine_does_not_run_another_users_run(self) -> None:
        engine = await self.engine_of(self.user.user_id, self.run_of(self.user.user_id))
        foreign = self.run_of(new_id("user"))
        seen = ""
        try:
            await engine.execute(Echo(), foreign, self.runtime.services, message="m", journal=Journal("run_1"))
        except SSotIsolationError as refusal:
            seen = str(refusal)
        assert seen == "SSOT isolation: this run does not belong to the engine's context"

    async def test_the_tool_gets_its_user_from_the_context_and_never_from_arguments(self) -> None:
        self.user.send(type="execute_agent", agent="reaching", message="m")
        ended = await self.user.ended_run()
        assert ended["result"]["data"]["error"]["code"] == "INVALID_ARGUMENTS"

    @pytest.mark.validation_point("dispatcher.closed")
    async def test_the_tool_is_out_of_reach_when_the_request_is_over(self) -> None:
        engine = await self.engine_of(self.user.user_id, self.run_of(self.user.user_id))
        engine.close()
        with pytest.raises(SSotIsolationError, match="the dispatcher's request has ended"):
            await engine._get_tool_dispatcher().dispatch_tool({"tool": "repeat", "arguments": {"text": "x"}})

    @pytest.mark.validation_point("emitter.run")
    async def test_the_event_is_not_written_into_another_users_thread(self) -> None:
        emitter = await self.runtime.bridge.create_user_emitter(self.user.user_id, new_id("thread"), None)
        with pytest.raises(SSotIsolationError, match="does not belong to the emitter's user and thread"):
            emitter.bind(self.run_of(new_id("user"), thread_id=emitter.thread_id))
        with pytest.raises(SSotIsolationError, match="does not belong to the emitter's user and thread"):
            emitter.bind(self.run_of(self.user.user_id))

    @pytest.mark.validation_point("emitter.state")
    async def test_the_event_is_not_written_after_the_scope_is_closed(self) -> None:
        run = self.run_of(self.user.user_id)
        engine = await self.engine_of(self.user.user_id, run)
        engine.emitter.bind(run)
        engine.close()
        seen = ""
        try:
            engine.emitter.emit(AgentThinking, text="too late")
        except FactoryRefused as refusal:
            seen = str(refusal)
        assert "the emitter is closed" in seen

    @pytest.mark.validation_point("outbox.owner")
    async def test_the_event_of_another_user_is_stopped_at_the_socket_and_ends_it(self) -> None:
        self.user.connection.deliver(new_id("user"), new_id("thread"), 1, [b'{"type":"agent_thinking"}'])
        assert self.user.wire.closed == (4530, "cross_user_delivery")
        assert self.user.wire.frames == []
