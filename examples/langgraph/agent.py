"""Looks for a table, asks its user, and books it: a graph of LangGraph as it is written anywhere, and a line that serves it.

``OPENAI_API_KEY=… netra serve --app agent`` serves it from this directory.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt

from netra_server.langgraph import serve

INSTRUCTIONS = SystemMessage("Find a free table where the user wants to eat, and book it.")


@tool
def free_tables(place: str) -> list[int]:
    """Lists the free tables of a place."""
    return [2, 5]


free_tables.metadata = {"netra": {"idempotent": True}}


@tool
def book(place: str, table: int, config: RunnableConfig) -> str:
    """Books a table."""
    guests = interrupt(f"For how many at {place}?", response_schema={"type": "integer", "minimum": 1})
    return f"Table {table} at {place} is booked for {guests}, in the name of {config['configurable']['user_id']}."


BOOKING = [free_tables, book]
MODEL = ChatOpenAI(model="gpt-5-mini", stream_usage=True).bind_tools(BOOKING)


async def ask(state: MessagesState) -> dict[str, Any]:
    """Asks the model what is to be done next."""
    return {"messages": [await MODEL.ainvoke([INSTRUCTIONS, *state["messages"]])]}


graph = StateGraph(MessagesState)
graph.add_node("ask", ask)
graph.add_node("tools", ToolNode(BOOKING))
graph.add_edge(START, "ask")
graph.add_conditional_edges("ask", tools_condition)
graph.add_edge("tools", "ask")

AGENTS = [serve(graph, name="booker", description="Finds and books tables.")]
