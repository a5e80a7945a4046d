"""One run of a graph: from its input, or from where an earlier attempt at the run was, to its end."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import inspect
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.errors import GraphRecursionError
from langgraph.pregel import Pregel
from langgraph.types import Command, StateSnapshot

from ....core.errors import Fault, NetraError
from ....core.step_keys import Branch
from ....services import model_faults
from ...interface import AgentResult, RunScope
from ...supervisor.branches import current, on_branch
from .graph_run import GraphRun, serving
from .interrupts import answers_to
from .node_threads import separate
from .nodes import NodeWatch
from .results import input_key, input_of, result_of
from .saver import JournalSaver
from .store import UserStore
from .user_mcp import made
from .written import Told

if TYPE_CHECKING:
    from ...supervisor.scope import EngineRunScope

Graph = Pregel[Any, Any, Any, Any]
MakeInput = Callable[[RunScope], Any]

_CHECKPOINT: Final = "checkpoint"


class ServedGraph:
    """What all runs of one graph share: the graph. What belongs to one run is in its ``GraphRun`` and its saver."""

    def __init__(
        self, graph: Graph, name: str, make_input: MakeInput | None, context: Callable[[Any], Any] | None
    ) -> None:
        self._graph = graph
        self._name = name
        self._make_input = make_input
        self._context = context
        self._key = input_key(graph)

    async def run(self, scope: EngineRunScope) -> AgentResult:
        """Run the graph to its end, from where an earlier attempt at this run was."""
        context, steps, base = scope.context, scope.framework, current().path
        kept_as = f"{_CHECKPOINT} {hashlib.sha256(base.encode()).hexdigest()[:16]}" if base else _CHECKPOINT
        state_as = f"state of {self._name}"[:128]
        run = GraphRun(steps, asyncio.get_running_loop(), base)
        run.user_tools = await made(run, (await scope.user_tools()).values())
        separate(run.loop, lambda: serving() is not None)
        saver = JournalSaver(
            context.thread_id, run.loop, lambda body, key: steps.record(kept_as, body, key=f"{base}{key}"), run.forget
        )
        for before in (await steps.kept_before(state_as, 1)).values():
            saver.load(await steps.blob(before))
        has_begun = saver.restore(await steps.kept(kept_as))
        graph = copy.copy(self._graph)
        graph.checkpointer, graph.store = saver, UserStore(scope, run)
        config: RunnableConfig = {
            "configurable": {"thread_id": context.thread_id, "user_id": context.user_id},
            "callbacks": [NodeWatch(run)],
        }
        told = Told(scope, saver, base)
        given: Any = None
        if has_begun:
            await _tell_again(scope, await graph.aget_state(config), base)
        else:
            given = await self._input(scope)
        with run.active():
            while True:
                try:
                    await self._stream(graph, given, config, scope, told)
                except GraphRecursionError as fault:
                    raise Fault(
                        "The graph did not come to its end in as many steps as its recursion_limit allows."
                    ) from fault
                except Exception as fault:
                    if run.broken is not None:
                        raise run.broken from fault
                    if fault is run.failure and not isinstance(fault, NetraError):
                        raise model_faults.unavailable(fault) from fault
                    raise
                if run.broken is not None:
                    raise run.broken
                state = await graph.aget_state(config)
                if not state.interrupts:
                    if state.next:
                        raise Fault(f"The graph stopped before its end, at {', '.join(state.next)}.")
                    break
                given = Command(resume=await answers_to(scope, state.interrupts))
        steps.pass_over(run.is_over)
        deltas = [name for name, channel in graph.channels.items() if isinstance(channel, DeltaChannel)]
        steps.record(state_as, saver.state(deltas))
        return result_of(state.values, graph.output_channels, context.run_id)

    async def _input(self, scope: RunScope) -> Any:
        if self._make_input is not None:
            given = self._make_input(scope)
            return await given if inspect.isawaitable(given) else given
        assert self._key is not None
        return await input_of(self._key, scope)

    async def _stream(self, graph: Graph, given: Any, config: RunnableConfig, scope: RunScope, told: Told) -> None:
        told.begin()
        parts: Any = graph.astream(
            given,
            config,
            context=None if self._context is None else self._context(scope.context),
            stream_mode=["custom"],
            subgraphs=True,
            durability="sync",
        )
        async with aclosing(parts):
            async for _, _, chunk in parts:
                await told.tell(chunk)


async def _tell_again(scope: RunScope, state: StateSnapshot, base: str) -> None:
    """Say which nodes are run again from their top. What their own code does is then done again, too."""
    names = sorted({task.name for task in state.tasks if not task.result})
    if not names or not state.config:
        return
    checkpoint_id = (state.config.get("configurable") or {}).get("checkpoint_id", "")
    with on_branch(Branch(f"{base}again.{checkpoint_id}.{len(names)}/")):
        told = scope.think(
            f"Going on after an interruption. Run again from the start: {', '.join(names)}. Model requests and tool calls "
            "are not repeated; what else the code of these nodes does may be done a second time."
        )
    await told
