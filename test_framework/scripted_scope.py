"""A run without an engine: an agent's scope that really calls tools, keeps what was said, and answers for a model by script."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from netra_backend.app.agents.interface import (
    AgentListed,
    AgentResult,
    ModelReply,
    PastMessage,
    ThreadMessage,
    ToolListed,
    ToolOutcome,
)
from netra_backend.app.agents.tools.definition import Tool
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.core import validation
from netra_backend.app.core.errors import DependencyUnavailable, NotFound, QueryRejected, ToolError, ToolRefused
from netra_backend.app.core.limits import USUAL
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.usage.questions import load_question
from netra_backend.app.usage.rows import Rows


class InProcessLedger:
    """The questions of a ledger, answered in this process over one owner's rows; everybody else has none."""

    def __init__(self, owner: str, rows: Rows, nobody: Rows) -> None:
        self._owner = owner
        self._rows = rows
        self._nobody = nobody

    async def ask(self, owner: str, question: str, arguments: Mapping[str, Any]) -> Any:
        """Answer as the child process would: what goes in and comes out has been JSON."""
        rows = self._rows if owner == self._owner else self._nobody
        return json.loads(json.dumps(load_question(question)(rows, json.loads(json.dumps(arguments)))))


class KeptState:
    """The values of an ``AgentState`` in a dictionary, by scope and key."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    async def get(self, key: str, *, scope: str = "thread") -> Any:
        """What was set."""
        return self.kept.get((scope, key))

    async def set(
        self, key: str, value: Any, *, scope: str = "thread", expected: Any = ..., visible: bool = False
    ) -> None:
        """Keep it as a record gives it back."""
        self.kept[scope, key] = json.loads(json.dumps(value))

    async def delete(self, key: str, *, scope: str = "thread", expected: Any = ..., visible: bool = False) -> None:
        """Keep it no longer."""
        self.kept.pop((scope, key), None)


class ScriptedScope:
    """A ``RunScope``. ``calls`` holds each tool call with its outcome; ``replies`` are what the model says, in order (none: no
    model is configured); ``answers`` are those of the other agents by their names, and ``asked`` what they were asked."""

    def __init__(
        self,
        message: str,
        tools: Iterable[Tool[Any]],
        *,
        user_id: str = "user_1",
        now_ms: int = 1_793_620_800_000,
        timezone: str = "UTC",
        allowed: frozenset[str] | None = None,
        replies: Sequence[str | Exception] = (),
        answers: Mapping[str, AgentResult] | None = None,
        parts: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.message = message
        self.parts: list[dict[str, Any]] = [{"type": "text", "text": message}, *parts]
        self.now_ms = now_ms
        self.timezone = timezone
        self.history: Sequence[PastMessage] = ()
        self.calls: list[tuple[str, dict[str, Any], ToolOutcome]] = []
        self.thoughts: list[str] = []
        self.said: list[str] = []
        self.state = KeptState()
        self.prompts: list[tuple[str, str]] = []
        self._replies = list(replies)
        self._has_model = bool(replies)
        self.answers = dict(answers or {})
        self.asked: list[tuple[str, str, list[dict[str, Any]]]] = []
        factory = UnifiedToolDispatcherFactory()
        factory.configure(tools)
        self._dispatcher = factory.create_for_request(UserExecutionContext(user_id, "thread_1", "run_1", "req_1"))
        if allowed is not None:
            self._dispatcher.restrict(allowed)

    @property
    def has_model(self) -> bool:
        """Whether there are replies."""
        return self._has_model

    async def read_file(self, file_id: str) -> bytes:
        """Nobody has attached one."""
        raise NotFound("There is no such file.", field="file_id", point=validation.FILE_OWNED)

    async def think(self, text: str) -> None:
        """Keep it."""
        self.thoughts.append(text)

    async def say(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)

    async def delta(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)

    @property
    def context(self) -> UserExecutionContext:
        """Whose the tools are called with."""
        return self._dispatcher.user_context

    @property
    async def messages(self) -> AsyncIterator[ThreadMessage]:
        """There are none."""
        none: tuple[ThreadMessage, ...] = ()
        for message in none:
            yield message

    async def step(self, name: str, body: Callable[[], Awaitable[Any]], **_: Any) -> Any:
        """Perform it; the result as a record gives it back."""
        return json.loads(json.dumps(await body()))

    async def ask_user(self, question: str, **_: Any) -> Any:
        """Nobody answers."""
        raise ToolError("QUESTION_EXPIRED", "The user did not answer the question in time.")

    async def secret(self, name: str) -> str:
        """There is none."""
        raise KeyError(name)

    async def sleep(self, seconds: float) -> None:
        """No time passes."""

    async def tools(self) -> list[ToolListed]:
        """None: those that answer are called by their names."""
        return []

    async def agents(self) -> list[AgentListed]:
        """Those that have answers."""
        return [AgentListed(name, f"Answers as {name}.") for name in self.answers]

    async def run_agent(
        self, name: str, message: str, *, parts: Sequence[Mapping[str, Any]] | None = None
    ) -> AgentResult:
        """Its answer, if there is one."""
        if name not in self.answers:
            raise NotFound(f"There is no agent named {name!r}.", kind="unknown_agent", point=validation.REGISTRY_AGENT)
        self.asked.append((name, message, [dict(part) for part in parts or ()]))
        return self.answers[name]

    def branch(self, name: str) -> AbstractContextManager[None]:
        """One line is like another."""
        return nullcontext()

    async def use_tool(self, tool: str, **arguments: Any) -> ToolOutcome:
        """Call it through a real dispatcher, as the engine does."""
        try:
            outcome = ToolOutcome(True, await self._dispatcher.dispatch_tool({"tool": tool, "arguments": arguments}))
        except (ToolError, ToolRefused, QueryRejected) as fault:
            error = {"code": fault.code, "message": fault.message, "hint": fault.hint}
            if isinstance(fault, ToolError):
                error.update(fault.details)
            outcome = ToolOutcome(False, error=error)
        self.calls.append((tool, arguments, outcome))
        return outcome

    async def ask_model(
        self,
        prompt: str,
        *,
        system: str = "",
        max_tokens: int | None = None,
        check: Callable[[str], bool] | None = None,
        instead: str | None = None,
        shown: bool = True,
    ) -> ModelReply:
        """The next reply of the script, checked as a whole; an exception in it is raised, or ``instead`` returned."""
        self.prompts.append((system, prompt))
        reply = self._replies.pop(0)
        if not isinstance(reply, Exception) and check is not None and not check(reply):
            reply = DependencyUnavailable("The reply was refused.")
        if isinstance(reply, Exception):
            if instead is None:
                raise reply
            return ModelReply(instead, replaced=str(reply))
        return ModelReply(reply[: (max_tokens or USUAL.model_tokens) * 8])
