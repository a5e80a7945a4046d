"""The tools of the user's MCP servers as a run has them: listed once, recorded, and with the rights of its agents."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.supervisor.user_tools import STEP
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.core.errors import DependencyUnavailable, EgressRefused, ToolError
from netra_backend.app.core.events import AgentCompleted, ApprovalRequested, StepFinished, StepStarted, ToolCompleted
from netra_backend.app.core.frames import ResolveApproval
from netra_backend.app.core.mcp_points import EGRESS_ADDRESS
from netra_backend.app.core.plans import Plan, Plans
from tests.mcp_clients import CountingClient


async def asked(shop: Any, agent: str = "golden", user_id: str = "user_ada") -> Any:
    client = shop.connect(user_id)
    accepted = await shop.ask(client, agent)
    events: list[Any] = await client.ended(accepted.run_id)
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events


def told(events: list[Any]) -> Any:
    return events[-1].result["data"]["told"]


async def names(scope: Any) -> AgentResult:
    return AgentResult("", {"told": [[each.name, each.remote] for each in await scope.tools()]})


async def act(scope: Any) -> AgentResult:
    outcome = await scope.use_tool("shop__act", n=1)
    return AgentResult("", {"told": outcome.result if outcome.ok else outcome.error["code"]})


async def test_an_agent_that_lists_them_finds_them_beside_its_own_and_calls_them_for_its_user(shop: Any) -> None:
    class Said(ToolArguments, frozen=True):
        text: str = ""

    async def repeat(_: Any, said: Said) -> str:
        return said.text

    shop.tool(Tool("repeat", "Repeats.", Said, repeat, idempotent=True))
    shop.tool(Tool("other", "No part of the agent.", Said, repeat, idempotent=True))
    shop.agent("golden", names, ["mcp:*", "repeat"])
    shop.agent("actor", act, ["mcp:*"])
    assert told(await asked(shop)) == [["repeat", False], ["shop__act", True]]
    assert told(await asked(shop, "actor")) == {"acted": 1}
    assert shop.mcp_client.called == [("user_ada", "shop", "act", {"n": 1})]
    assert shop.mcp_client.closed == 2, "each run ends its session"
    assert told(await asked(shop, user_id="user_eve")) == [["repeat", False]]


@pytest.mark.parametrize("tools", [[], ["repeat"]])
async def test_an_agent_that_does_not_list_them_has_none_and_no_server_is_asked(shop: Any, tools: list[str]) -> None:
    shop.agent("golden", names, tools)
    shop.agent("actor", act, tools)
    assert told(await asked(shop)) == []
    assert told(await asked(shop, "actor")) == "UNKNOWN_TOOL"
    assert shop.mcp_client.listed == 0


async def test_an_agent_that_another_one_asks_has_them_if_both_list_them(shop: Any) -> None:
    async def delegate(scope: Any) -> AgentResult:
        done: AgentResult = await scope.run_agent("actor", "go")
        return done

    shop.agent("actor", act, ["mcp:*"])
    shop.agent("without", delegate)
    shop.agent("with", delegate, ["mcp:*"])
    shop.agent("handing", delegate, hands_on_tools=True)
    found = [told(await asked(shop, each)) for each in ("without", "with", "handing")]
    assert found == ["UNKNOWN_TOOL", {"acted": 1}, {"acted": 1}]


@pytest.mark.parametrize(
    ("tools", "found"), [({"repeat"}, "UNKNOWN_TOOL"), ({"mcp:*"}, {"acted": 1}), (None, {"acted": 1})]
)
async def test_a_plan_that_lists_tools_has_them_if_it_lists_them_too(shop: Any, tools: Any, found: Any) -> None:
    shop.plans = Plans({}, Plan("", shop.limits, tools=None if tools is None else frozenset(tools)))
    shop.open()
    shop.agent("golden", act, ["mcp:*"])
    assert told(await asked(shop)) == found


async def test_the_list_of_a_run_is_the_same_for_all_its_branches_and_after_every_crash(shop: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        listed = await asyncio.gather(scope.tools(), scope.tools(), scope.use_tool("shop__act", n=1))
        await scope.think("again")
        outcome = await scope.use_tool("shop__act", n=2)
        return AgentResult("", {"told": [len(listed[0]), len(listed[1]), listed[2].ok, outcome.ok]})

    shop.agent("golden", run, ["mcp:*"])
    events = await asked(shop)
    assert told(events) == [1, 1, True, True]
    assert shop.mcp_client.listed == 1
    (asking,) = [each.call_id for each in events if isinstance(each, StepStarted) and each.name == STEP]
    ends = [isinstance(each, StepFinished) and each.call_id == asking for each in events]
    for frames in range(ends.index(True) + 1, len(events)):
        client = shop.mcp_client = CountingClient()
        before = shop.store
        user = await shop.killed_after(events, "user_ada", frames)
        again = await user.ended(events[0].run_id)
        assert isinstance(again[-1], AgentCompleted), again[-1]
        assert client.listed == 0, "it is recorded"
        assert len(client.called) == len({str(each) for each in client.called})
        shop.store = before
        shop.open()


async def test_a_server_that_is_not_trusted_waits_for_its_users_word(shop: Any) -> None:
    shop.agent("golden", act, ["mcp:*"])
    client = shop.connect("user_bob")
    accepted = await shop.ask(client, "golden")
    found = await client.until(lambda: [each for each in client.events if isinstance(each, ApprovalRequested)])
    assert shop.mcp_client.called == []
    assert "did not mark as trusted" in found[0].reason
    word = ResolveApproval(found[0].approval_id, "approve", found[0].arguments_hash)
    await shop.turns.commands.resolve(client, word)
    events = await client.ended(accepted.run_id)
    assert told(events) == {"acted": 1}
    assert shop.mcp_client.called == [("user_bob", "shop", "act", {"n": 1})]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ToolError("MCP_ERROR", "no"), "MCP_ERROR"),
        (EgressRefused("no", point=EGRESS_ADDRESS), "ADDRESS_NOT_ALLOWED"),
        (DependencyUnavailable("no"), "DEPENDENCY_UNAVAILABLE"),
    ],
)
async def test_a_call_that_fails_is_an_error_that_the_agent_reads(shop: Any, fault: BaseException, code: str) -> None:
    async def run(scope: Any) -> AgentResult:
        outcome = await scope.use_tool("shop__act", fault="it")
        return AgentResult("", {"told": outcome.error["code"]})

    shop.mcp_client.faults["it"] = fault
    shop.agent("golden", run, ["mcp:*"])
    events = await asked(shop)
    assert told(events) == code
    assert [each.ok for each in events if isinstance(each, ToolCompleted)] == [False]
    assert (("user_ada", "egress.address") in shop.audit) == (code == "ADDRESS_NOT_ALLOWED")


async def test_a_list_that_cannot_be_had_says_so_the_same_on_every_replay(shop: Any) -> None:
    async def of(_: str) -> Any:
        raise DependencyUnavailable("The store is away.")

    shop.mcp_servers.of = of
    shop.agent("golden", names, ["mcp:*"])
    events = await asked(shop)
    assert told(events) == [["mcp__unavailable", True]]


async def test_a_server_without_a_client_has_none(shop: Any) -> None:
    shop.mcp_client = None
    shop.open()
    shop.agent("golden", names, ["mcp:*"])
    assert told(await asked(shop)) == []
