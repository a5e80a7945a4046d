"""What an operator sets as a limit is what the server's parts are held to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from netra_backend.app import wiring
from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.agents.tools.definition import Tool
from netra_backend.app.agents.tools.threads import THREADS
from netra_backend.app.config import Settings
from netra_backend.app.core import validation
from netra_backend.app.core.errors import AuthenticationRefused
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.model_part import ModelPart
from netra_backend.app.server.application import Application
from netra_backend.app.server.uvicorn_server import configuration
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.web.api import operations
from test_framework import served as framework
from test_framework.echo import Said
from test_framework.local_runtime import connected_user
from test_framework.served import Serve

pytestmark = pytest.mark.integration

REFUSAL = AuthenticationRefused("No.", point=validation.AUTH_SIGNATURE)


class Talkative:
    """Says as much as it is told."""

    name = "talkative"
    description = "Talks."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.think("x" * int(scope.message))
        return AgentResult("said")


class Slow:
    """Calls a tool that never ends."""

    name = "slow"
    description = "Waits for a tool."
    tools = frozenset({"never"})

    async def run(self, scope: RunScope) -> AgentResult:
        await scope.use_tool("never", text="")
        return AgentResult("waited")


class Asking:
    """Asks the model, and says no bound."""

    name = "asking"
    description = "Asks."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        return AgentResult((await scope.ask_model("why?")).text)


class Counting:
    """A model that says how many tokens its answer may have."""

    name = "counting"

    async def stream(self, prompt: str, *, system: str, max_tokens: int) -> AsyncGenerator[ModelPart, None]:
        yield ModelPart(f"{max_tokens} tokens")


async def never(context: UserExecutionContext, arguments: Said) -> Any:
    await asyncio.get_running_loop().create_future()


PATH = "/api/usage/datasets"
NEVER = Tool("never", "Never ends.", Said, never)


async def test_an_event_that_is_larger_than_the_limit_ends_its_run(serve_with: Serve) -> None:
    async with serve_with((Talkative,), limits=Limits(event_bytes=131_072)) as served:
        ends = {}
        for size in (100_000, 140_000):
            async with connected_user(served.runtime, served.user().id) as device:
                device.send(type="execute_agent", agent="talkative", message=str(size))
                ends[size] = (await device.ended_run())["type"]
    assert ends == {100_000: "agent_completed", 140_000: "agent_failed"}


async def test_a_tool_that_sets_no_time_limit_has_the_servers(
    serve_with: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framework, "TOOLS", (*framework.TOOLS, NEVER))
    async with (
        serve_with((Slow,), limits=Limits(tool_s=0.05)) as served,
        served.running(served.user(), "tool_completed", agent="slow") as (_, told),
    ):
        assert (told["tool"], told["error"]["code"]) == ("never", "TOOL_TIMEOUT")


async def test_a_call_that_nobody_approves_in_time_is_denied(serve_with: Serve) -> None:
    async with (
        serve_with(limits=Limits(approval_s=0.05)) as served,
        served.running(served.user(), "approval_requested", agent="waiting") as (device, asked),
    ):
        assert asked["expires_at"] - asked["ts"] < 1_000
        told = await device.wire.until("approval_resolved")
        assert (told["decision"], told["by"]) == ("expired", "expiry")


async def test_an_answer_of_the_model_has_the_tokens_that_are_set_where_its_agent_does_not_say(
    serve_with: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "_model", lambda *_: Counting())
    async with (
        serve_with((Asking,), limits=Limits(model_tokens=7)) as served,
        served.running(served.user(), "agent_completed", agent="asking") as (_, told),
    ):
        assert "7 tokens" in str(told["result"])


async def test_tickets_have_the_number_and_the_time_that_are_set(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(tickets=1, ticket_s=7)) as served, served.http(served.user()) as http:
        now_ms = served.runtime.clock.now_ms()
        ticket = (await http.post("/api/tickets")).json()
        assert 7_000 <= ticket["expires_at_ms"] - now_ms < 8_000
        refused = await http.post("/api/tickets")
        assert (refused.status_code, refused.json()["retry_after_ms"]) == (429, 7_000)


async def test_a_token_that_is_longer_than_the_limit_is_none(serve_with: Serve) -> None:
    for most, status in ((1_024, 200), (100, 401)):
        async with serve_with(limits=Limits(token_characters=most)) as served, served.http(served.user()) as http:
            assert (await http.get("/api/me")).status_code == status


async def test_refusals_beyond_what_is_set_are_counted(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(audit_user_rows=2)) as served:
        trail = served.runtime.audit_trail
        for _ in range(5):
            trail.record_refusal("user_ada", REFUSAL)
        trail.close()
        events = [row["event"] for row in await served.runtime.audit.rows("user_ada", 10)]
    assert events == ["suppressed", "refused", "refused"]


async def test_a_part_has_the_time_that_is_set_to_be_ready(serve_with: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    tried = operations._tried

    async def kept(probe: Any, within_s: float) -> str:
        given.append(within_s)
        return await tried(probe, within_s)

    monkeypatch.setattr(operations, "_tried", kept)
    async with serve_with(limits=Limits(probe_s=7.0)) as served, served.http(None) as http:
        assert (await http.get("/readyz")).status_code == 200
    assert given == [7.0] * 3


async def test_a_part_that_does_not_answer_in_time_is_not_ready(
    serve_with: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    async with serve_with(limits=Limits(probe_s=0.05)) as served, served.http(None) as http:
        monkeypatch.setattr(served.runtime.ledger, "datasets", silent)
        told = await http.get("/readyz")
        assert (told.status_code, told.json()["parts"]["usage_ledger"]) == (503, "down")
        assert told.json()["parts"]["event_log"] == "ok"


async def test_as_many_plain_tools_run_at_once_as_are_set(serve_with: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(THREADS, "most", THREADS.most)  # it is of the whole process
    async with serve_with(limits=Limits(process_tool_threads=3)):
        assert THREADS.most == 3


async def test_a_users_datasets_and_their_rows_are_bounded_as_set(serve_with: Serve) -> None:
    header = "timestamp,model,input_tokens,output_tokens\n"
    one, two, three = (header + "2026-11-01T10:00:00Z,m,1,1\n" * count for count in (1, 2, 3))
    async with (
        serve_with(limits=Limits(datasets=1, import_rows=2)) as served,
        served.http(served.user()) as http,
    ):
        answers = [await http.post(PATH, content=content) for content in (three, one, two)]
    assert [answer.status_code // 100 for answer in answers] == [4, 2, 4]
    assert "more than 2 rows" in answers[0].text
    assert "limit" in answers[2].text


async def test_the_system_holds_as_many_new_connections_as_are_set(settings_of: Settings) -> None:
    application = Application(lambda application: None)  # type: ignore[arg-type,return-value]
    assert configuration(application, settings_of).backlog == 77


@pytest.fixture
def settings_of(tmp_path: Any) -> Settings:
    return Settings(data_dir=tmp_path, limits=Limits(backlog=77))
