"""A graph with all that a graph can do, whose effects are counted outside: parallel nodes, tools, a subgraph, a question."""

from __future__ import annotations

import operator
from typing import Annotated, Any

from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph, add_messages
from langgraph.prebuilt import InjectedStore, ToolNode, tools_condition
from langgraph.store.base import BaseStore
from langgraph.types import interrupt
from typing_extensions import TypedDict

from netra_server.langgraph import serve
from netra_server.testing import note_effect

MODEL = ChatOpenAI(model="scripted", stream_usage=True, max_retries=0)


@tool
async def book(place: str) -> str:
    """Book a journey to a place."""
    note_effect(f"book {place}")
    return f"booked {place}"


@tool
def rate(currency: str) -> str:
    """Look a rate up."""
    note_effect(f"~rate {currency}")
    return f"1 {currency}"


rate.metadata = {"netra": {"idempotent": True}}


@tool
def pay(amount: int) -> str:
    """Pay."""
    note_effect(f"pay {amount}")
    return f"paid {amount}"


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    notes: Annotated[list[str], operator.add]


def plan(state: State) -> dict[str, Any]:
    return {"messages": [MODEL.bind_tools([book, rate]).invoke(state["messages"])]}


async def weather(state: State) -> dict[str, Any]:
    return {"notes": [(await MODEL.ainvoke([HumanMessage("weather?")])).text]}


def news(state: State) -> dict[str, Any]:
    return {"notes": [MODEL.invoke([HumanMessage("news?")]).text]}


async def budget(state: State) -> dict[str, Any]:
    found = await MODEL.ainvoke([HumanMessage("budget?")])
    amount = interrupt(f"{found.text} How much?", response_schema={"type": "integer"})
    return {"notes": [f"{found.text} {amount}"]}


def settle(state: State) -> dict[str, Any]:
    return {"notes": [pay.invoke({"amount": 7})]}


_travel: Any = StateGraph(State)
_travel.add_node("weather", weather)
_travel.add_node("news", news)
_travel.add_node("plan", plan)
_travel.add_node("tools", ToolNode([book, rate]))
for _name in ("weather", "news"):
    _travel.add_edge(START, _name)
_travel.add_edge(["weather", "news"], "plan")
_travel.add_conditional_edges("plan", tools_condition)
_travel.add_edge("tools", "plan")

_inner: Any = StateGraph(State)
_inner.add_node("budget", budget)
_inner.add_node("settle", settle)
_inner.add_edge(START, "budget")
_inner.add_edge("budget", "settle")

_paying: Any = StateGraph(State)
_paying.add_node("inner", _inner.compile())
_paying.add_node("weather", weather)
for _name in ("inner", "weather"):
    _paying.add_edge(START, _name)

AGENTS = [
    serve(_travel, name="travel", description="Looks, plans and books."),
    serve(_paying, name="paying", description="Asks, and pays."),
]


@tool
def recall(config: RunnableConfig, store: Annotated[BaseStore, InjectedStore()]) -> str:
    """All that the user has said."""
    user = config["configurable"]["user_id"]
    return f"{user}: " + ", ".join(sorted(each.key for each in store.search((user, "said"))))


async def keep(state: MessagesState, *, store: BaseStore) -> dict[str, Any]:
    await store.aput(("said",), str(state["messages"][-1].text), {"said": True})
    return {}


async def tell(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await MODEL.bind_tools([recall]).ainvoke(state["messages"])]}


_keeper: Any = StateGraph(MessagesState)
_keeper.add_node("keep", keep)
_keeper.add_node("tell", tell)
_keeper.add_node("tools", ToolNode([recall]))
_keeper.add_edge(START, "keep")
_keeper.add_edge("keep", "tell")
_keeper.add_conditional_edges("tell", tools_condition)
_keeper.add_edge("tools", "tell")

AGENTS.append(serve(_keeper, name="keeper", description="Keeps a text of each user."))
