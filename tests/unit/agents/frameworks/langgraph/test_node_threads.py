"""Threads of graphs: as many as wait, and none of the server's."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import uvloop
from langgraph.graph import START, MessagesState, StateGraph

from netra_backend.app.agents.frameworks.langgraph.node_threads import separate
from netra_backend.app.core.events import AgentCompleted


def test_each_loop_has_two_pools_once() -> None:
    for make in (asyncio.new_event_loop, uvloop.new_event_loop):
        loop = make()
        of_graphs = [True]

        async def named(loop: Any = loop) -> str:
            name: str = await loop.run_in_executor(None, lambda: threading.current_thread().name)
            return name

        separate(loop, lambda given=of_graphs: given[0])  # type: ignore[misc]
        separate(loop, lambda: False)
        try:
            assert loop.run_until_complete(named()).startswith("graph")
            of_graphs[0] = False
            assert not loop.run_until_complete(named()).startswith("graph")
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()


async def test_nodes_that_wait_in_threads_leave_the_server_its_own(workshop: Any, served: Any) -> None:
    go, waiting = threading.Event(), threading.Semaphore(0)

    def node(state: MessagesState) -> dict[str, Any]:
        waiting.release()
        assert go.wait(20)
        return {}

    graph: Any = StateGraph(MessagesState)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    served(graph)
    clients = [workshop.connect(f"user_{number}") for number in range(40)]  # more than the server has threads
    accepted = [await workshop.ask(client, "graph") for client in clients]

    def all_wait() -> bool:
        return all(waiting.acquire(timeout=10) for _ in clients)

    try:
        assert await asyncio.to_thread(all_wait)
    finally:
        go.set()
    for client, each in zip(clients, accepted, strict=True):
        assert isinstance((await client.ended(each.run_id))[-1], AgentCompleted)
