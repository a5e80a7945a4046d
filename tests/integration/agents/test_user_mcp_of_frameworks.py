"""Agents of other frameworks with the tools of their user's MCP servers, on a whole server with real ones beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from test_framework.local_runtime import connected_user
from test_framework.served import Served, serve
from tests.mcp_servers import Witness, served

SETTINGS: Any = {"secrets_key": b"k" * 32, "egress_networks": (ip_network("127.0.0.0/8"),)}


def say(tools: list[str], asked: str, came_back: str) -> str:
    """Calls the first tool of an MCP server, and then says what came of it."""
    remote = [each for each in tools if "__" in each]
    if came_back:
        return f"came back: {came_back}"
    return remote[0] if remote else "no tools"


def of_pydantic_ai(user_mcp: bool) -> Any:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel

    from netra_server.pydantic_ai import serve as served_agent

    def model(messages: list[Any], info: Any) -> ModelResponse:
        returned = [part for part in messages[-1].parts if part.part_kind in ("tool-return", "retry-prompt")]
        words = str(messages[-1].parts[-1].content)
        said = say([each.name for each in info.function_tools], words, str(returned[0].content) if returned else "")
        if "__" in said and not returned:
            assert info.function_tools[0].parameters_json_schema["type"] == "object"
            return ModelResponse([ToolCallPart(said, {"text": words}, tool_call_id="call_1")])
        return ModelResponse([TextPart(said)])

    return served_agent(Agent(FunctionModel(model), name="helper"), user_mcp=user_mcp)


def of_langgraph(user_mcp: bool) -> Any:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_core.utils.function_calling import convert_to_openai_tool
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    from netra_server.langgraph import serve as served_graph
    from netra_server.langgraph import user_tools

    class Chat(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "scripted"

        def bind_tools(self, tools: Any, **options: Any) -> Any:
            return self.bind(tools=[convert_to_openai_tool(each) for each in tools])

        def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any) -> ChatResult:
            functions = [each["function"] for each in options["tools"]]
            assert all(each["parameters"]["type"] == "object" for each in functions)
            last = messages[-1]
            returned = str(last.content) if last.type == "tool" else ""
            said = say([each["name"] for each in functions], last.content, returned)
            calls = [{"name": said, "args": {"text": last.content}, "id": "call_1"}]
            is_call = "__" in said and not returned
            message = AIMessage("", tool_calls=calls) if is_call else AIMessage(said)
            return ChatResult(generations=[ChatGeneration(message=message)])

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await Chat().bind_tools(user_tools()).ainvoke(state["messages"])]}

    async def act(state: MessagesState) -> Any:
        return await ToolNode(user_tools()).ainvoke(state)

    graph: Any = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_node("tools", act)
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")
    return served_graph(graph, name="helper", user_mcp=user_mcp)


def of_openai_agents(user_mcp: bool) -> Any:
    from agents import Agent, ModelResponse, Usage
    from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

    from netra_server.openai_agents import serve as served_agent

    def model(call: Any) -> ModelResponse:
        returned = [str(item["output"]) for item in call.input if item.get("type") == "function_call_output"]
        content = call.input[-1].get("content", "")
        words = content if isinstance(content, str) else str(content[0]["text"])
        said = say([each.name for each in call.tools], words, returned[0] if returned else "")
        is_call = "__" in said and not returned
        item = function_call(said, json.dumps({"text": words}), call_id="c1") if is_call else assistant_message(said)
        return ModelResponse([item], usage=Usage(), response_id="r1")

    scripted = ScriptedModel([ModelStep.respond(model) for _ in range(20)])
    return served_agent(Agent(name="helper", model=scripted), user_mcp=user_mcp)


FRAMEWORKS = (of_pydantic_ai, of_langgraph, of_openai_agents)


async def asked(netra: Served, user: Any, url: str, *, trusted: bool, decision: str = "", word: str = "a word") -> str:
    async with netra.http(user) as http:
        server = {"name": "notes", "url": f"{url}/mcp", "trusted": trusted, "auth": {"bearer": f"canary-key-{user.id}"}}
        assert (await http.post("/api/mcp-servers", json=server)).status_code == 201
        async with connected_user(netra.runtime, user.id) as device:
            device.send(type="execute_agent", agent="helper", message=word)
            if decision:
                waiting = await device.wire.until("approval_requested")
                answer = {"decision": decision, "arguments_hash": waiting["arguments_hash"]}
                await http.post(f"/api/approvals/{waiting['approval_id']}", json=answer)
            ended = await device.ended_run()
            assert ended["type"] == "agent_completed", ended
            return json.dumps(ended)


@pytest.fixture(params=FRAMEWORKS, ids=lambda each: each.__name__)
def agent(request: pytest.FixtureRequest) -> Callable[[bool], Any]:
    made: Callable[[bool], Any] = request.param
    return made


@pytest.fixture
async def netra(agent: Callable[[bool], Any], tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path / "data", [agent(True)], **SETTINGS) as running:
        yield running


@pytest.mark.parametrize(
    ("trusted", "decision", "notes", "answer"),
    [
        (True, "", ["a word"], "came back: noted a word"),
        (False, "approve", ["a word"], "came back: noted a word"),
        (False, "deny", [], "APPROVAL_DENIED"),
    ],
)
async def test_the_model_calls_a_tool_of_the_users_server(
    netra: Served, trusted: bool, decision: str, notes: list[str], answer: str
) -> None:
    witness = Witness()
    async with served(witness) as url:
        told = await asked(netra, netra.user(), url, trusted=trusted, decision=decision)
    assert answer in told
    assert witness.notes == notes


async def test_the_model_has_none_where_its_agent_was_served_without_them(
    agent: Callable[[bool], Any], tmp_path: Path
) -> None:
    witness = Witness()
    async with serve(tmp_path / "data", [agent(False)], **SETTINGS) as netra, served(witness) as url:
        assert "no tools" in await asked(netra, netra.user(), url, trusted=True)
    assert witness.heads == []


async def test_a_server_that_is_down_costs_its_tools_and_not_the_run(netra: Served) -> None:
    async with served(Witness()) as url:
        pass
    told = await asked(netra, netra.user(), url, trusted=True)
    assert "came back: " in told
    assert "MCP_UNREACHABLE" in told


async def test_two_users_at_once_never_meet_in_a_session_a_result_or_a_list(netra: Served) -> None:
    users, places = [netra.user(), netra.user()], [Witness(), Witness()]
    async with served(places[0]) as one, served(places[1]) as two:
        told = await asyncio.gather(
            *(
                asked(netra, user, url, trusted=True, word=f"canary-word-{user.id}")
                for user, url in zip(users, (one, two), strict=True)
            )
        )
    for at, user in enumerate(users):
        other, place = users[1 - at], places[at]
        seen = json.dumps(place.heads) + b"".join(place.bodies).decode()
        assert place.notes == [f"canary-word-{user.id}"]
        assert f"canary-key-{user.id}" in seen
        assert not [each for each in (other.id, user.token, other.token) if each in seen]
        assert f"noted canary-word-{user.id}" in told[at]
        assert not [each for each in (other.id, "canary-key") if each in told[at]]
