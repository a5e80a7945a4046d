"""One run of a graph, as its chat models, tools and nodes find it: by a context variable, since nobody hands it to them.

Each model request and tool call has a place: its node in its superstep, and the call's line and ordinal in that. A node runs
again from its top after an interrupt, a retry or a crash; what was answered in a place is answered there again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ....core.errors import Fault
from ....core.step_keys import Branch, quoted
from ...supervisor.branches import current, enter, on_branch, performed
from ...supervisor.framework_steps import FrameworkSteps, LiveAnswer, ModelRequest, ModelResponse

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

_RUN: Final[ContextVar[GraphRun | None]] = ContextVar("netra_graph_run", default=None)
_NODE: Final[ContextVar[NodeRun | None]] = ContextVar("netra_graph_node", default=None)

_INSIDE: Final[ContextVar[NodeRun | None]] = ContextVar("netra_graph_call", default=None)

_PULLED: Final = "__pregel_pull"
"""LangGraph's mark of a node that an edge has started, of which there is one at a time."""

INSIDE: Final = "inside"
"""In the paths of what a tool does."""

T = TypeVar("T")
ModelBody = Callable[[LiveAnswer], Awaitable[ModelResponse]]


class NodeRun:
    """One time that a node is run: the line of its calls, and how often each tool call was made in it."""

    __slots__ = ("calls", "namespace", "path")

    def __init__(self, path: str, namespace: str = "") -> None:
        self.path = path
        self.namespace = namespace
        self.calls: dict[str, int] = {}

    def place(self, call_id: str) -> str:
        """The place of the next call with this id of the provider's."""
        ordinal = self.calls[call_id] = self.calls.get(call_id, 0) + 1
        return f"{self.path}{quoted(call_id)}.{ordinal}/"


class GraphRun:
    """What is known of one run in this process. ``base`` is the branch of the agent's run."""

    __slots__ = (
        "_again",
        "_base",
        "_from_threads",
        "_paths",
        "_started",
        "answers",
        "broken",
        "failure",
        "loop",
        "requested_by",
        "steps",
        "user_tools",
    )

    def __init__(self, steps: FrameworkSteps, loop: asyncio.AbstractEventLoop, base: str) -> None:
        self.steps = steps
        self.loop = loop
        self.answers: dict[str, Any] = {}
        """What came of calls in nodes that have not ended, by place."""
        self.broken: Fault | None = None
        """Why the run can only fail."""
        self.failure: Exception | None = None
        """The last failure of a model."""
        self.requested_by: dict[str, str] = {}
        """The model requests that asked for tool calls, by the provider's ids of these."""
        self.user_tools: Sequence[BaseTool] = ()
        """Those of the user's MCP servers."""
        self._base = base
        self._again: dict[str, int] = {}
        self._from_threads: set[asyncio.Task[Any]] = set()
        self._paths: dict[str, str] = {}
        self._started: set[str] = set()

    @contextmanager
    def active(self) -> Iterator[None]:
        """``with run.active():`` chat models and tools that are called, by whatever the block calls, are this run's."""
        token = _RUN.set(self)
        try:
            yield
        finally:
            _RUN.reset(token)
            for task in self._from_threads:
                task.cancel()

    @contextmanager
    def deterministic(self) -> Iterator[None]:
        """``with run.deterministic():`` what is asked for in the block is what was recorded. If it is not, nothing more is asked
        for, whatever the author's code does with the fault: ``broken`` is what the run ends with."""
        if self.broken is not None:
            raise self.broken
        token = _RUN.set(None)  # what the server itself does for a step is not the graph's
        try:
            yield
        except Fault as fault:
            if type(fault) is Fault:
                self.broken = fault
            raise
        finally:
            _RUN.reset(token)

    async def of_thread(self, waited_for: Awaitable[T]) -> T:
        """What a thread waits for, until the run ends: nobody else could end that wait."""
        task = asyncio.current_task()
        assert task is not None
        self._from_threads.add(task)
        try:
            return await waited_for
        finally:
            self._from_threads.discard(task)

    # --- places -----------------------------------------------------------------------------------------------------

    def enter_node(self, node: str, step: int, place: Sequence[Any], namespace: str) -> None:
        """From here on the caller's task runs this node, from its top. Its path is made of what is the same in every attempt at
        the run, and of what tells it from others: its superstep, what sent it, and the node whose graph it is part of."""
        sent = f".{_digest(str(place))}" if place and place[0] != _PULLED else ""
        path = f"{self._above(namespace)}{quoted(node)}@{step}{sent}/"
        self._paths[namespace] = self._paths[_without_tasks(namespace)] = path
        self._started.add(path)
        _NODE.set(NodeRun(path, namespace))
        enter(Branch(path))

    def _above(self, namespace: str) -> str:
        """The path of the node whose subgraph this is, and which of its subgraphs."""
        above, ordinal = namespace.split("|")[:-1], ""
        while above and above[-1].isdecimal():
            ordinal = f"{above.pop()}."
        outer = "|".join(above)
        return (self._paths.get(outer) or self._paths.get(_without_tasks(outer)) or self._base) + ordinal

    def forget(self) -> None:
        """The nodes of this superstep have ended."""
        self.answers.clear()
        self._again.clear()

    def is_over(self, key: str) -> bool:
        """Whether a recorded step is part of what the graph goes on from: of a node that was not run in this process, or of a
        tool call, whose outcome says all."""
        return key.startswith(self._base) and (f"/{INSIDE}/" in key or _node_of(key) not in self._started)

    def attempt(self, place: str) -> Branch:
        """The branch of the next attempt at a call that has failed in this place."""
        failed = self._again.get(place, 0)
        return Branch(f"{place}again.{failed}/" if failed else place)

    def failed(self, place: str) -> None:
        """A call failed here: it is made anew if it is made again."""
        self._again[place] = self._again.get(place, 0) + 1

    # --- models -----------------------------------------------------------------------------------------------------

    async def ask(self, place: str, request: ModelRequest, body: ModelBody, read: Callable[[bytes], Any]) -> Any:
        """``read`` of the response in this place. Raises what ``read`` raises of a failure."""
        if place in self.answers:
            return read(self.answers[place])
        try:
            with self.deterministic():
                with on_branch(self.attempt(place)):
                    asked = self.steps.model(request, body)
                answered = await asked
            result = read(answered.recorded)
        except Exception as fault:
            self.failed(place)
            self.failure = fault
            raise
        self.answers[place] = answered.recorded
        for generation in result.generations:
            for call in getattr(generation.message, "tool_calls", ()):
                self.requested_by[str(call["id"])] = answered.call_id
        return result


def _node_of(key: str) -> str:
    """The path of the innermost node in a key; ``""`` if there is none."""
    parts = key.split("/")[:-1]
    while parts and not parts[-1].rpartition("@")[2].partition(".")[0].isdecimal():
        parts.pop()
    return "/".join([*parts, ""]) if parts else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _without_tasks(namespace: str) -> str:
    return "|".join(part.partition(":")[0] for part in namespace.split("|"))


def serving() -> GraphRun | None:
    """The run that calls this; ``None`` outside of served runs, and inside of a model request or a tool call, which is recorded
    as a whole."""
    run = _RUN.get()
    return None if run is None or performed() is not None else run


def node_run() -> NodeRun:
    """The node that calls this; of code outside of nodes, its line."""
    node = _NODE.get()
    return NodeRun(current().path) if node is None else node


@contextmanager
def inside(place: str) -> Iterator[None]:
    """``with inside(place):`` what the tool that is called there does has places of its own, below the call's."""
    token = _INSIDE.set(NodeRun(f"{place}{INSIDE}/"))
    try:
        yield
    finally:
        _INSIDE.reset(token)


def store_branch() -> Branch:
    """The branch of the caller's next use of the store, in a node or in a tool that it calls."""
    call = _INSIDE.get()
    if performed() is None or call is None:
        return Branch(next_place("store"))
    return Branch(call.place("store"))


def namespace() -> str:
    """LangGraph's name of the node that calls this; ``""`` outside of nodes."""
    node = _NODE.get()
    return "" if node is None else node.namespace


def next_place(kind: str) -> str:
    """The place of the next call of this kind on the caller's line."""
    return current().child(kind).path
