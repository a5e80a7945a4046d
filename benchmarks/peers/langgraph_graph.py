"""The graph that LangGraph's development server runs: two nodes, five custom events, no model."""

from __future__ import annotations

from typing import TypedDict

from golden_events import EVENTS
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    """What passes between the nodes."""

    question: str
    lines: int


async def think(state: State) -> State:
    write = get_stream_writer()
    for event in EVENTS[1:3]:
        write(event)
    return {}


async def look_up(state: State) -> State:
    write = get_stream_writer()
    for event in EVENTS[3:]:
        write(event)
    return {"lines": 3}


graph = (
    StateGraph(State)
    .add_node("think", think)
    .add_node("look_up", look_up)
    .add_edge(START, "think")
    .add_edge("think", "look_up")
    .add_edge("look_up", END)
    .compile()
)
