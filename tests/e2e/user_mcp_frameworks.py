"""An agent of each framework, with the tools of its user's MCP servers, whose model is a server of the test's."""

from __future__ import annotations

import os
from typing import Any

from agents import Agent as OpenAIAgent
from agents import OpenAIChatCompletionsModel
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from openai import AsyncOpenAI
from pydantic_ai import Agent

import netra_server.langgraph
import netra_server.openai_agents
import netra_server.pydantic_ai
from netra_server.langgraph import user_tools

CHAT = ChatOpenAI(model="scripted", stream_usage=True, max_retries=0)


async def ask(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await CHAT.bind_tools(user_tools()).ainvoke(state["messages"])]}


async def act(state: MessagesState) -> Any:
    return await ToolNode(user_tools()).ainvoke(state)


GRAPH: Any = StateGraph(MessagesState)
GRAPH.add_node("ask", ask)
GRAPH.add_node("tools", act)
GRAPH.add_edge(START, "ask")
GRAPH.add_conditional_edges("ask", tools_condition)
GRAPH.add_edge("tools", "ask")

AGENTS = [
    netra_server.pydantic_ai.serve(Agent(os.environ.get("NETRA_MODEL", "test"), name="pydantic-ai"), user_mcp=True),
    netra_server.langgraph.serve(GRAPH, name="langgraph", user_mcp=True),
    netra_server.openai_agents.serve(
        OpenAIAgent(name="openai-agents", model=OpenAIChatCompletionsModel("scripted", AsyncOpenAI())), user_mcp=True
    ),
]
