"""A graph of LangGraph that looks three cities up, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from netra_server.langgraph import serve

from . import waited

NAME = "LangGraph"
CITIES = ("Rome", "Oslo", "Lima")


class Scripted(BaseChatModel):
    """A model that is a function."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @staticmethod
    def _answer(messages: Sequence[BaseMessage]) -> AIMessage:
        turn = sum(isinstance(each, AIMessage) for each in messages)
        if turn < len(CITIES):
            return AIMessage(
                content="", tool_calls=[tool_call(name="weather", args={"city": CITIES[turn]}, id=f"call-{turn}")]
            )
        return AIMessage(content="It is fine in all three of them.")

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages))])

    async def _agenerate(self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any) -> ChatResult:
        await waited()
        return self._generate(messages)

    async def _astream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        await waited()
        said = self._answer(messages)
        yield ChatGenerationChunk(message=AIMessageChunk(content=said.content, tool_calls=said.tool_calls))


@tool
async def weather(city: str) -> dict[str, Any]:
    """The weather of a city."""
    await waited()
    return {"city": city, "celsius": 21}


async def _ask(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await Scripted().ainvoke(state["messages"])]}


_graph = StateGraph(MessagesState)
_graph.add_node("ask", _ask)
_graph.add_node("tools", ToolNode([weather]))
_graph.add_edge(START, "ask")
_graph.add_conditional_edges("ask", tools_condition)
_graph.add_edge("tools", "ask")
_compiled = _graph.compile()


async def alone() -> None:
    """One run by itself, its text shown as it comes."""
    shown = []
    given: Any = {"messages": [HumanMessage("What is the weather like?")]}
    async for message, _ in _compiled.astream(given, stream_mode="messages"):
        if isinstance(message, AIMessageChunk):
            shown.append(str(message.text))
    assert "".join(shown).startswith("It is fine"), shown


async def whole() -> None:
    """One run by itself, shown at its end."""
    given: Any = {"messages": [HumanMessage("What is the weather like?")]}
    done = await _compiled.ainvoke(given)
    assert done["messages"][-1].content.startswith("It is fine"), done


AGENTS = [serve(_graph, name="weather", description="Says what the weather is like.")]
