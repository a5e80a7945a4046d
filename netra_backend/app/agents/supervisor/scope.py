"""One run, as its agent sees it: each step gets its key when it is called, asks the journal first, and is recorded when it is
performed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Any, Final

import msgspec

from ...core.asks import OwnStep, Saying, Thought
from ...core.errors import ToolError
from ...core.events import AgentDelta, AgentThinking, SecretUsed, StepFinished, StepStarted
from ...core.journal import Perform, Recorded
from ...core.limits import MOST_MODEL_TOKENS
from ...core.message_parts import read_parts
from ...core.quoting import quoted_whole
from ...core.step_keys import MAX_NAME, Branch
from ...services.answer_schemas import AnswerSchema
from ...services.user_execution_context import UserExecutionContext
from ..interface import (
    AgentListed,
    AgentResult,
    ModelReply,
    PastMessage,
    ThreadMessage,
    ToolListed,
    ToolOutcome,
    hands_on_tools,
)
from ..mcp.listing import BETWEEN
from ..tools.definition import ForeignTool
from ..tools.unified_tool_dispatcher_factory import ToolDispatcher
from .agent_results import result_of
from .branches import NotOnABranch, current, on_branch, own, performed
from .framework_steps import FrameworkSteps
from .model_calls import ModelCalls
from .own_steps import MOST_RETRIES, OwnSteps
from .pauses import SLEEP, check_pause, sleep
from .run_recorder import RunRecorder
from .state_steps import StateSteps
from .tool_calls import ToolCalls
from .unseen_replies import unseen_reply
from .user_questions import LONGEST_S, UserQuestions
from .user_tools import tools_of_user

MOST_DEPTH: Final = 8
"""How many agents may have asked each other at once."""

Messages = Callable[[], AsyncIterator[ThreadMessage]]


class EngineRunScope:
    """``agents.interface.RunScope`` for one agent of one run. ``parent_call_id`` is the step of the agent that asked this one."""

    __slots__ = (
        "_depth",
        "_dispatcher",
        "_messages",
        "_parent",
        "_recorder",
        "_tool_calls",
        "history",
        "message",
        "now_ms",
        "parts",
        "timezone",
    )

    def __init__(
        self,
        recorder: RunRecorder,
        dispatcher: ToolDispatcher,
        *,
        message: str,
        parts: Sequence[dict[str, Any]] = (),
        now_ms: int,
        timezone: str,
        history: Sequence[PastMessage],
        messages: Messages,
        parent_call_id: str = "",
        depth: int = 1,
    ) -> None:
        self.message = message
        self.parts = read_parts(message, parts)
        self.now_ms = now_ms
        self.timezone = timezone
        self.history = history
        self._messages = messages
        self._recorder = recorder
        self._dispatcher = dispatcher
        self._parent = parent_call_id
        self._depth = depth
        self._tool_calls = ToolCalls(recorder, dispatcher, parent_call_id)

    @property
    def context(self) -> UserExecutionContext:
        return self._dispatcher.user_context

    @property
    def has_model(self) -> bool:
        return self._recorder.services.model is not None

    @property
    def state(self) -> StateSteps:
        return StateSteps(self._recorder, self._parent)

    @property
    def framework(self) -> FrameworkSteps:
        """The steps of an agent that another framework runs."""
        return FrameworkSteps(self._recorder, self._tool_calls, self._parent, self.asked_agent)

    @property
    def messages(self) -> AsyncIterator[ThreadMessage]:
        return self._messages()

    async def read_file(self, file_id: str) -> bytes:
        files = self._recorder.services.files
        assert files is not None, "a server has files"
        return await files.read(self.context.user_id, file_id)

    # --- what is shown ----------------------------------------------------------------------------------------------

    def think(self, text: str) -> Coroutine[Any, Any, None]:
        return self._think(current().key("think"), text)

    @own
    async def _think(self, key: str, text: str) -> None:
        _check_text(text)
        await self._recorder.emitter.keep_pace()
        if type(self._recorder.next(key, Thought(text))) is Perform:
            self._recorder.emit(AgentThinking, text, key, self._parent)

    def say(self, text: str) -> Coroutine[Any, Any, None]:
        return self._say(current().key("say"), text)

    @own
    async def _say(self, key: str, text: str) -> None:
        _check_text(text)
        recorder = self._recorder
        await recorder.emitter.keep_pace()
        answer = recorder.next(key, Saying(text))
        message_id = recorder.journal.live_call_id
        recorder.shown(message_id, text)
        if type(answer) is Perform:
            recorder.emit(
                AgentDelta,
                answer.call_id,
                1,
                text,
                message_id=message_id,
                step=key,
                parent_call_id=self._parent,
            )

    async def delta(self, text: str) -> None:
        _check_text(text)
        await self._recorder.emitter.keep_pace()
        if text:
            self._recorder.stream(text, self._parent)

    # --- what is done -----------------------------------------------------------------------------------------------

    def use_tool(self, tool: str, **arguments: Any) -> Coroutine[Any, Any, ToolOutcome]:
        return self._use_tool(current().key("tool", str(tool)), tool, arguments)

    @own
    async def _use_tool(self, key: str, tool: str, arguments: dict[str, Any]) -> ToolOutcome:
        found: str | ForeignTool = tool
        if BETWEEN in tool and not self._dispatcher.has(tool):
            found = (await self.user_tools()).get(tool, tool)
        with self._recorder.performing:
            return await self._tool_calls.call(key, found, arguments)

    def tools(self) -> Coroutine[Any, Any, list[ToolListed]]:
        return self._tools(current().key("step", "tools"))

    @own
    async def _tools(self, key: str) -> list[ToolListed]:
        async def listed() -> list[ToolListed]:
            return [
                ToolListed(each.name, each.description, msgspec.json.schema(each.arguments))
                for each in self._dispatcher.usable()
            ]

        told = msgspec.convert(await self._step(key, "tools", listed, True, None, 0), list[ToolListed])
        users = await self.user_tools()
        return told + [ToolListed(each.name, each.description, each.schema, True) for each in users.values()]

    async def user_tools(self) -> Mapping[str, ForeignTool]:
        """The tools of the user's MCP servers by their names, one list for the whole run; none if its agent may not use them."""
        if not self._dispatcher.has_user_tools:
            return {}
        return await tools_of_user(self._recorder, self._parent)

    def ask_model(
        self,
        prompt: str,
        *,
        system: str = "",
        max_tokens: int | None = None,
        check: Callable[[str], bool] | None = None,
        instead: str | None = None,
        shown: bool = True,
    ) -> Coroutine[Any, Any, ModelReply]:
        if max_tokens is not None and (type(max_tokens) is not int or not 0 < max_tokens <= MOST_MODEL_TOKENS):
            raise ValueError(f"max_tokens is 1 to {MOST_MODEL_TOKENS:,}, not {quoted_whole(max_tokens)}.")
        most = max_tokens or self._recorder.model_tokens
        if shown:
            return self._ask_model(current().key("model"), prompt, system, most, check, instead)
        if check is not None or instead is not None:
            raise ValueError("check and instead are for what is shown: judge another reply when you have it.")
        return unseen_reply(self.framework, self._recorder.services.model, prompt, system, most)

    @own
    async def _ask_model(
        self,
        key: str,
        prompt: str,
        system: str,
        max_tokens: int,
        check: Callable[[str], bool] | None,
        instead: str | None,
    ) -> ModelReply:
        with self._recorder.performing:
            return await ModelCalls(self._recorder, self._parent).ask(
                key, prompt, system=system, max_tokens=max_tokens, check=check, instead=instead
            )

    def step(
        self,
        name: str,
        body: Callable[[], Awaitable[Any]],
        *,
        key: str | None = None,
        idempotent: bool = False,
        timeout_s: float | None = None,
        retry: int | None = None,
    ) -> Coroutine[Any, Any, Any]:
        for each in (name, key if key is not None else name):
            if type(each) is not str or not 0 < len(each) <= MAX_NAME:
                raise ValueError(
                    f"The name and the key of a step have 1 to {MAX_NAME} characters, not {quoted_whole(each)}."
                )
        if retry is not None and not 0 <= retry <= MOST_RETRIES:
            raise ValueError(f"retry is how often a failed step is tried again: 0 to {MOST_RETRIES}, not {retry!r}.")
        if retry and not idempotent:
            raise ValueError(
                f"{name} is not idempotent, so it cannot be tried again: leave out retry, or say idempotent=True."
            )
        return self._step(current().key("step", name, key or ""), name, body, idempotent, timeout_s, retry or 0)

    @own
    async def _step(
        self,
        key: str,
        name: str,
        body: Callable[[], Awaitable[Any]],
        idempotent: bool,
        timeout_s: float | None,
        retries: int,
    ) -> Any:
        with self._recorder.performing:
            return await OwnSteps(self._recorder, self._parent).perform(
                key, name, body, idempotent=idempotent, timeout_s=timeout_s, retries=retries
            )

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        check_pause(seconds)
        return self._sleep(current().key(SLEEP), seconds)

    @own
    async def _sleep(self, key: str, seconds: float) -> None:
        await sleep(self._recorder, self._parent, key, seconds)

    def ask_user(
        self, question: str, *, schema: Mapping[str, Any] | None = None, timeout_s: float | None = None
    ) -> Coroutine[Any, Any, Any]:
        limits = self._recorder.services.questions.limits
        _check_text(question)
        if not 0 < len(question.encode(errors="replace")) <= limits.ask_bytes:
            raise ValueError(f"A question has 1 to {limits.ask_bytes:,} bytes.")
        if timeout_s is not None and not 0 < timeout_s <= LONGEST_S:
            raise ValueError(f"timeout_s is how long to wait: more than 0 and at most {LONGEST_S:,} seconds.")
        return self._ask_user(current().key("ask"), question, AnswerSchema(schema, limits), timeout_s)

    @own
    async def _ask_user(self, key: str, question: str, schema: AnswerSchema, timeout_s: float | None) -> Any:
        with self._recorder.performing:
            questions = UserQuestions(self._recorder, self.context, self._parent)
            return await questions.ask(key, question, schema, timeout_s)

    async def secret(self, name: str) -> str:
        step = performed()
        if step is None:
            raise NotOnABranch(
                "A secret is for the body of a step alone: await scope.secret(…) in what scope.step(…) performs."
            )
        secrets = self._recorder.services.secrets
        if secrets is None:
            raise KeyError(name)
        value = await secrets.value(self.context.user_id, name)
        recorder = self._recorder
        recorder.hide(value)
        if name not in recorder.journal.secrets:
            recorder.journal.secrets.add(name)
            recorder.emit(SecretUsed, step.call_id, name)
        return value

    # --- other agents, other branches -------------------------------------------------------------------------------

    def branch(self, name: str) -> AbstractContextManager[None]:
        return on_branch(current().child(name))

    def agents(self) -> Coroutine[Any, Any, list[AgentListed]]:
        return self._agents(current().key("step", "agents"))

    @own
    async def _agents(self, key: str) -> list[AgentListed]:
        async def listed() -> list[AgentListed]:
            return self._recorder.services.registry.listed(self._recorder.plan)

        told = await self._step(key, "agents", listed, True, None, 0)
        return msgspec.convert(told, list[AgentListed])

    def run_agent(
        self, name: str, message: str, *, parts: Sequence[Mapping[str, Any]] | None = None
    ) -> Coroutine[Any, Any, AgentResult]:
        here, given = current(), [dict(part) for part in parts or ()]
        return self._run_agent(here.key("agent", name), here.child(f"agent.{name}"), name, message, given)

    @own
    async def _run_agent(
        self, key: str, branch: Branch, name: str, message: str, parts: Sequence[dict[str, Any]]
    ) -> AgentResult:
        agent = self._recorder.services.registry.make(name, self._recorder.plan)
        dispatcher = self._dispatcher.narrowed(agent.tools, hands_on=hands_on_tools(agent))
        async with self._asked(key, branch, name, message, dispatcher, parts) as scope:
            return result_of(name, await agent.run(scope))

    def asked_agent(self, name: str) -> AbstractAsyncContextManager[EngineRunScope]:
        """``async with``: another agent of the same framework is at work, with the rights of this one."""
        here = current()
        return self._asked(
            here.key("agent", name), here.child(f"agent.{name}"), name, self.message, self._dispatcher, self.parts
        )

    @asynccontextmanager
    async def _asked(
        self,
        key: str,
        branch: Branch,
        name: str,
        message: str,
        dispatcher: ToolDispatcher,
        parts: Sequence[dict[str, Any]] = (),
    ) -> AsyncIterator[EngineRunScope]:
        recorder = self._recorder
        if self._depth >= MOST_DEPTH:
            raise ToolError("AGENT_DEPTH", f"{MOST_DEPTH} agents have asked each other already.")
        await recorder.emitter.keep_pace()
        answer = recorder.next(key, OwnStep("agent", name))
        call_id = answer.call_id
        if type(answer) is Perform:
            recorder.emit(StepStarted, call_id, "agent", name, key, parent_call_id=self._parent)
        scope = EngineRunScope(
            recorder,
            dispatcher,
            message=message,
            parts=parts,
            now_ms=self.now_ms,
            timezone=self.timezone,
            history=self.history,
            messages=self._messages,
            parent_call_id=call_id,
            depth=self._depth + 1,
        )
        clock = recorder.services.clock
        began = clock.monotonic()
        is_open = not isinstance(answer, Recorded)
        try:
            with on_branch(branch):
                yield scope
        except (Exception, asyncio.CancelledError) as fault:
            if is_open and not recorder.stopping:
                error = {"code": "AGENT_FAILED", "message": f"{name} failed ({type(fault).__name__})."}
                elapsed = round((clock.monotonic() - began) * 1000)
                recorder.emit(StepFinished, call_id, False, elapsed, error=error)
            raise
        if is_open:
            recorder.emit(StepFinished, call_id, True, round((clock.monotonic() - began) * 1000))


def _check_text(text: str) -> None:
    """What is recorded must be read back as the same: an agent in Python may hand over anything."""
    if type(text) is not str:
        raise TypeError(f"text must be a str, not {type(text).__name__}")
