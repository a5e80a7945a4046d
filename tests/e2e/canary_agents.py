"""An agent of each framework, and one of ours that asks them: with the user's secret, state and files. What tools and steps do is
noted outside."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from agents import Agent as OpenAIAgent
from agents import OpenAIResponsesModel, RunContextWrapper, function_tool
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, ToolRuntime, tools_condition
from openai import AsyncOpenAI
from pydantic_ai import Agent, RunContext

from netra_server import AgentResult, RunScope, UserExecutionContext
from netra_server import langgraph as graphs
from netra_server import openai_agents as sdk
from netra_server import pydantic_ai as pydantic
from test_framework.effects import note_effect


@dataclass
class Account:
    """Whose run it is, as each framework hands it to tools."""

    user_id: str


def account(context: UserExecutionContext) -> Account:
    return Account(context.user_id)


def looked_up(user_id: str, text: str) -> str:
    """What the tools of all three do: they return what belongs to their user alone."""
    note_effect(f"{user_id} looks up {text}")
    return f"{result_canary(user_id)} for {text}"


def result_canary(user_id: str) -> str:
    return f"canary{hashlib.sha256(user_id.encode()).hexdigest()[:20]}"


_first = Agent("openai-chat:pydantic-ai", name="pydantic-ai", deps_type=Account)


@_first.tool(name="look_up")
async def _look_up_first(context: RunContext[Account], text: str) -> str:
    """Looks up."""
    return looked_up(context.deps.user_id, text)


@tool("look_up")
async def _look_up_second(text: str, runtime: ToolRuntime[Account]) -> str:
    """Looks up."""
    return looked_up(runtime.context.user_id, text)


_MODEL = ChatOpenAI(model="langgraph", stream_usage=True)


async def _tell(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await _MODEL.bind_tools([_look_up_second]).ainvoke(state["messages"])]}


_second: Any = StateGraph(MessagesState, context_schema=Account)
_second.add_node("tell", _tell)
_second.add_node("tools", ToolNode([_look_up_second]))
_second.add_edge(START, "tell")
_second.add_conditional_edges("tell", tools_condition)
_second.add_edge("tools", "tell")


@function_tool(name_override="look_up")
async def _look_up_third(context: RunContextWrapper[Account], text: str) -> str:
    """Looks up."""
    return looked_up(context.context.user_id, text)


_third = OpenAIAgent[Account](
    name="openai-agents", model=OpenAIResponsesModel("openai-agents", AsyncOpenAI()), tools=[_look_up_third]
)


class Receptionist:
    """Keeps what a message says to keep, for the thread and for the user; asks the framework that its first word names."""

    name = "receptionist"
    description = "Asks another agent."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Use the secret, change or read the state, and hand all of it on, files included."""
        framework, prompt, *kept = scope.message.split()
        signed = await scope.step("sign", lambda: self._sign(scope))
        if kept:
            await scope.state.set("own", kept[-1], visible=True)
            await scope.state.set("own", kept[-1], scope="user")
        words = [prompt, await scope.state.get("own"), await scope.state.get("own", scope="user"), signed]
        files = [part for part in scope.parts if part["type"] == "file"]
        text = " ".join(words)
        done = await scope.run_agent(framework, text, parts=[{"type": "text", "text": text}, *files])
        return AgentResult(done.text)

    async def _sign(self, scope: RunScope) -> str:
        secret = await scope.secret("OWN")
        note_effect(f"{scope.context.user_id} signs with {secret}")
        return secret


AGENTS = [
    Receptionist,
    pydantic.serve(_first, deps=account),
    graphs.serve(_second, name="langgraph", description="Looks up.", context=account),
    sdk.serve(_third, description="Looks up.", context=account),
]
