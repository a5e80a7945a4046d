"""The steps of an agent that another framework runs: its model requests and tool calls, recorded exactly and shown redacted.

What a framework serialises is kept as a blob and given back to it on a replay, so that it goes on from what it had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final, NamedTuple

import msgspec

from ...core.asks import ModelCall, OwnStep
from ...core.blobs import EXACT, Blob, BlobRef
from ...core.errors import BudgetRefused, DependencyUnavailable, LimitRefused
from ...core.events import AgentDelta, ModelCompleted, ModelStarted, StepRecorded
from ...core.journal import CANCELLED, RECORD, Recorded, RecordedReply
from ...core.limits import Limits
from ..interface import ToolOutcome
from ..tools.definition import ForeignTool, Tool
from .branches import Performing, current, on_branch, own
from .kept_before import kept_before
from .run_recorder import RunRecorder, until_cancelled
from .spending import Spending, refused_again, told_refusal
from .tool_calls import ToolCalls

MESSAGES: Final = "messages"
"""The name under which a framework keeps the messages of a run in its own form, for later runs of the thread."""


class ModelRequest(NamedTuple):
    """What a model is asked: its name, as it is shown and priced; what tells this request from others; the ``texts`` that are
    sent, from which its cost is estimated; the bound of the answer's tokens (``None``: the server's)."""

    model: str
    fingerprint: str
    texts: tuple[str, ...] = ()
    max_tokens: int | None = None


class ModelResponse(NamedTuple):
    """What a model answered. ``recorded`` is JSON, exactly what a replay gives back: the framework's own form of the response or,
    with ``error`` (what is shown of it), of a failure that it raises again. ``usage`` has ``input_tokens``,
    ``output_tokens``, and ``cache_read_tokens``, ``cache_write_tokens``, ``reasoning_tokens``, ``cost_usd`` (a decimal) and
    ``model`` if they are known."""

    recorded: bytes
    usage: Mapping[str, Any]
    finish_reason: str = "stop"
    error: str | None = None


class Answered(NamedTuple):
    """A recorded response, the call that it is recorded as, and whether it was recorded before."""

    recorded: bytes
    call_id: str
    is_replayed: bool


class LiveAnswer:
    """A response while it comes."""

    __slots__ = ("_call_id", "_left", "_parent", "_recorder", "attempt", "is_begun", "text")

    def __init__(self, recorder: RunRecorder, parent_call_id: str, call_id: str, attempt: int) -> None:
        self._recorder = recorder
        self._parent = parent_call_id
        self._call_id = call_id
        self.attempt = attempt
        """The attempt that counts of what was shown."""
        self._left = recorder.services.limits.model_characters
        self.is_begun = False
        self.text = ""
        """The text that was shown so far."""

    def show(self, text: str, kind: str = "") -> None:
        """Show more of it: its text, or its ``reasoning`` or ``tool_arguments``. For the request's own body alone. Raises
        ``DependencyUnavailable`` if there is too much of it."""
        self._left -= len(text)
        if self._left < 0:
            raise DependencyUnavailable("The language model's answer was too long.")
        if text:
            self.is_begun = True
            if not kind:
                self.text += text
            self._recorder.stream(text, self._parent, kind)

    def replace(self, text: str) -> None:
        """Show this in the place of all that was shown, as a higher attempt. Nothing is to be shown after it."""
        self.attempt += 1
        self.text = text
        shown = self._recorder.hidden.text(text)
        self._recorder.emit(AgentDelta, self._call_id, self.attempt, shown, parent_call_id=self._parent)


class FrameworkSteps:
    """The steps of one agent of a run, on behalf of the step ``parent_call_id``, if another agent asked it. Each gets its key
    when it is called: call it on the branch that is the same on every replay."""

    __slots__ = ("_ask_agent", "_parent", "_recorder", "_tools")

    def __init__(
        self,
        recorder: RunRecorder,
        tools: ToolCalls,
        parent_call_id: str,
        ask_agent: Callable[[str], AbstractAsyncContextManager[Any]],
    ) -> None:
        self._ask_agent = ask_agent
        self._recorder = recorder
        self._tools = tools
        self._parent = parent_call_id

    @property
    def limits(self) -> Limits:
        """Those of the server."""
        return self._recorder.services.limits

    @property
    def model_of_server(self) -> Callable[[], Awaitable[Any]] | None:
        """Gives the model that the server is configured with as one of pydantic-ai; ``None`` if there is none that chooses tools.
        Raises ``ImportError`` if its package is missing."""
        return getattr(self._recorder.services.model, "provided", None)

    @property
    def model_tokens(self) -> int:
        """The bound of an answer's tokens."""
        return self._recorder.model_tokens

    # --- models -----------------------------------------------------------------------------------------------------

    def model(
        self, request: ModelRequest, body: Callable[[LiveAnswer], Awaitable[ModelResponse]], *, key: str = ""
    ) -> Coroutine[Any, Any, Answered]:
        """Ask a model by ``body``, once: a response that is recorded is returned, and a request that was cut off is made again,
        with a higher attempt. A failure that ``body`` raises is recorded as its message alone: one that the framework tells from
        others is returned by ``body`` as a response. ``key`` names a request that has a name of its own.

        Raises ``DependencyUnavailable`` if ``body`` raised, ``BudgetRefused``, and ``Fault`` if the recorded request was another.
        """
        return self._model(current().key("model", "", key), request, body)

    @own
    async def _model(
        self, key: str, request: ModelRequest, body: Callable[[LiveAnswer], Awaitable[ModelResponse]]
    ) -> Answered:
        recorder = self._recorder
        with recorder.performing:
            answer = recorder.next(key, ModelCall(request.fingerprint))
            if type(answer) is Recorded:
                assert answer.reply is not None
                if answer.cancelled:
                    await until_cancelled()
                return await self._replayed(request.model, answer.call_id, answer.reply)
            attempt = answer.attempt  # type: ignore[union-attr]  # a model request is never unknown
            return await self._asked(key, answer.call_id, attempt, request, body)

    async def _replayed(self, model: str, call_id: str, reply: RecordedReply) -> Answered:
        recorder = self._recorder
        if reply.recorded is None:
            raise refused_again(reply) or DependencyUnavailable(reply.error or "The language model failed.")
        recorder.shown(call_id, reply.text)
        recorder.count(model, reply.usage)
        return Answered(await recorder.emitter.blob(reply.recorded.ref), call_id, True)

    async def _asked(
        self,
        key: str,
        call_id: str,
        attempt: int,
        request: ModelRequest,
        body: Callable[[LiveAnswer], Awaitable[ModelResponse]],
    ) -> Answered:
        recorder = self._recorder
        recorder.emit(ModelStarted, call_id, attempt, request.model, key, request.fingerprint, self._parent)
        live, spending = LiveAnswer(recorder, self._parent, call_id, attempt), Spending(recorder, call_id, attempt)
        usage: Mapping[str, Any] = {}
        try:
            await recorder.emitter.durable()
            await spending.reserve(request.model, request.texts, request.max_tokens or recorder.model_tokens)
            with on_branch(Performing("model", call_id, attempt)):
                response = await body(live)
            usage = response.usage
        except asyncio.CancelledError:
            spending.end(usage)
            if not recorder.stopping:
                self._completed(call_id, attempt, CANCELLED.lower(), usage, None)
            raise
        except Exception as fault:
            spending.end(usage, cost_nothing=not live.is_begun and not isinstance(fault.__cause__, TimeoutError))
            if isinstance(fault, BudgetRefused):
                self._completed(call_id, attempt, "error", told_refusal(fault), fault.message)
                raise
            reason = fault.message if isinstance(fault, DependencyUnavailable) else "The language model failed."
            self._completed(call_id, attempt, "error", usage, reason)
            raise DependencyUnavailable(reason) from fault
        spending.end(usage, cost_nothing=response.error is not None and not live.is_begun)
        recorded = recorder.hidden.encoded(response.recorded)
        self._completed(
            call_id,
            live.attempt,
            response.finish_reason if response.error is None else "error",
            usage,
            response.error,
            Blob.of(recorded, EXACT),
        )
        recorder.shown(call_id, recorder.hidden.text(live.text))
        recorder.count(request.model, usage)
        return Answered(recorded, call_id, False)

    def _completed(
        self,
        call_id: str,
        attempt: int,
        reason: str,
        usage: Mapping[str, Any],
        error: str | None,
        recorded: Blob | None = None,
    ) -> None:
        blobs = () if recorded is None else (recorded,)
        named = None if recorded is None else recorded.named
        self._recorder.emit(ModelCompleted, call_id, attempt, reason, dict(usage), error, named, blobs=blobs)

    # --- tools ------------------------------------------------------------------------------------------------------

    def tool(
        self,
        tool: ForeignTool | str,
        arguments: Mapping[str, Any],
        *,
        provider_call_id: str = "",
        requested_by: str = "",
        is_placed: bool = False,
    ) -> Coroutine[Any, Any, ToolOutcome]:
        """Make a tool call of the framework's, once, with its user's rights, and approval if the tool asks for it. The result is
        exactly what the tool's function returned, which must be JSON; a refusal, a fault, and an outcome that nobody knows,
        are errors that the model may read. ``provider_call_id`` is the provider's id of the call, which then has the
        same key wherever it is made, unless it ``is_placed``: then its branch tells it; ``requested_by`` is the model request
        that asked for it. A ``str`` names a tool of the server's own, which this agent lists: its result comes redacted."""
        name = tool if isinstance(tool, str) else tool.name
        key = current().key("tool", name, "" if is_placed else provider_call_id)
        return self._tool(key, tool, arguments, provider_call_id, requested_by)

    @own
    async def _tool(
        self, key: str, tool: ForeignTool | str, arguments: Mapping[str, Any], provider_call_id: str, requested_by: str
    ) -> ToolOutcome:
        with self._recorder.performing:
            return await self._tools.call(
                key, tool, arguments, provider_call_id=provider_call_id, requested_by=requested_by
            )

    def usable_tools(self) -> list[Tool[Any]]:
        """The server's own tools that this agent lists and its user may use, in the order of their names."""
        return self._tools.usable()

    # --- what a framework keeps, and its other agents ---------------------------------------------------------------

    def record(self, name: str, body: bytes, *, key: str = "") -> None:
        """Keep ``body`` (JSON) under this name, such as a checkpoint: part of the log, shown to nobody. Recorded again under the
        same key, it is what it was. Raises ``LimitRefused`` if it is too large."""
        recorder, whole = self._recorder, current().key(RECORD, name, key)
        answer = recorder.next(whole, OwnStep(RECORD, name))
        if type(answer) is not Recorded:
            blob = Blob.of(recorder.hidden.encoded(body), EXACT)
            recorder.emit(StepRecorded, answer.call_id, name, whole, blob.named, blobs=(blob,))

    def keep_messages(self, body: bytes) -> None:
        """Keep the messages of this run in the framework's own form, for later ones of the thread, if they are not too large.
        An agent that another one asked keeps none."""
        if not self._parent:
            with suppress(LimitRefused):
                self.record(MESSAGES, body)

    async def kept(self, name: str) -> list[bytes]:
        """What an earlier attempt at this run recorded under this name, in its order."""
        refs: list[BlobRef] = list(self._recorder.journal.kept(name).values())
        return [await self._recorder.emitter.blob(each.ref) for each in refs]

    async def kept_before(self, name: str, runs: int) -> dict[str, str]:
        """What the last ``runs`` of this thread that were completed before this one, of those that recorded something under
        this name, recorded last: blobs by their runs, newest first, the same on every replay. A run that was superseded counts
        for nothing."""
        return await kept_before(self._recorder.emitter, name, runs)

    async def messages_before(self, runs: int) -> dict[str, str]:
        """What the last ``runs`` of this thread kept by ``keep_messages``, as ``kept_before`` says which."""
        return await self.kept_before(MESSAGES, runs)

    async def blob(self, ref: str) -> bytes:
        """What an earlier run kept (``kept_before``)."""
        return await self._recorder.emitter.blob(ref)

    def pass_over(self, is_done: Callable[[str], bool]) -> None:
        """Go on from what was kept: the recorded steps with these keys are not asked for again. What they used counts."""
        for call_id, reply in self._recorder.journal.pass_over(is_done):
            self._recorder.shown(call_id, reply.text)
            self._recorder.count("", reply.usage)

    @property
    def most_question_bytes(self) -> int:
        """How long a question to the user may be."""
        return self._recorder.services.questions.limits.ask_bytes

    def agent(self, name: str) -> AbstractAsyncContextManager[Any]:
        """``async with steps.agent(name) as scope:`` shows that another agent of the framework is at work: what is done by that
        scope is its. Raises what the block raises."""
        return self._ask_agent(name)


def plain(recorded: bytes) -> Any:
    """A recorded value as plain JSON."""
    return msgspec.json.decode(recorded)
