"""One agent of each framework for the load of a chaos scenario, each as its users write one. ``framework_script`` is what their
model says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from agents import Agent as OpenAIAgent
from agents import OpenAIResponsesModel, RunContextWrapper, function_tool
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, ToolRuntime
from langgraph.types import interrupt
from openai import AsyncOpenAI
from pydantic_ai import Agent, CallDeferred, RunContext

from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_server import langgraph, openai_agents, pydantic_ai

from ..scripted_model import text_of
from ..simulation.workers import Charge, read_plan
from .framework_script import ASKED, LANGGRAPH, OPENAI_AGENTS, PYDANTIC_AI

_ANSWER: Final = {"type": "string"}


@dataclass(frozen=True)
class Caller:
    """Who asks, as tools get it from each framework."""

    user_id: str
    run_id: str


def make_agents(charge: Charge) -> list[Any]:
    """The agents; ``charge`` is what their tools do."""
    return [_pydantic_ai(charge), _langgraph(charge), _openai_agents(charge)]


def _caller(context: UserExecutionContext) -> Caller:
    return Caller(context.user_id, context.run_id)


def _pydantic_ai(act: Charge) -> Any:
    agent = Agent(f"openai-chat:{PYDANTIC_AI}", name=PYDANTIC_AI, deps_type=Caller)

    @agent.tool
    async def charge(context: RunContext[Caller], number: int) -> dict[str, Any]:
        """Charges."""
        return await act(context.deps.user_id, context.deps.run_id, number)

    @agent.tool_plain(metadata={"netra": {"idempotent": True}})
    async def choose(question: str) -> str:
        """Asks the user."""
        raise CallDeferred(metadata={"question": question, "schema": _ANSWER})

    return pydantic_ai.serve(agent, deps=_caller)


def _langgraph(act: Charge) -> Any:
    @tool
    async def charge(number: int, runtime: ToolRuntime[Caller]) -> dict[str, Any]:
        """Charges."""
        return await act(runtime.context.user_id, runtime.context.run_id, number)

    model = ChatOpenAI(model=LANGGRAPH, stream_usage=True)

    async def plan(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.bind_tools([charge]).ainvoke(state["messages"])]}

    def ask(state: MessagesState) -> dict[str, Any]:
        asked = [each for each in state["messages"] if isinstance(each, HumanMessage)][-1]
        question = read_plan(text_of(asked.content)).text(ASKED)
        return {"messages": [HumanMessage(interrupt(question, response_schema=_ANSWER))]}

    async def tell(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph: Any = StateGraph(MessagesState, context_schema=Caller)
    for name, node in (("plan", plan), ("tools", ToolNode([charge])), ("ask", ask), ("tell", tell)):
        graph.add_node(name, node)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "tools")
    graph.add_edge("tools", "ask")
    graph.add_edge("ask", "tell")
    return langgraph.serve(graph, name=LANGGRAPH, description="Charges twice, and asks.", context=_caller)


def _openai_agents(act: Charge) -> Any:
    @function_tool
    async def charge(context: RunContextWrapper[Caller], number: int) -> dict[str, Any]:
        """Charges."""
        return await act(context.context.user_id, context.context.run_id, number)

    @function_tool(needs_approval=True)
    async def gate(context: RunContextWrapper[Caller], number: int) -> dict[str, Any]:
        """Charges if the user agrees."""
        return await act(context.context.user_id, context.context.run_id, number)

    model = OpenAIResponsesModel(OPENAI_AGENTS, AsyncOpenAI())
    agent = OpenAIAgent[Caller](name=OPENAI_AGENTS, model=model, tools=[charge, gate])
    return openai_agents.serve(agent, description="Charges twice, and asks.", context=_caller)
