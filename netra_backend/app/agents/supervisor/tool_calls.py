"""A run's tool calls: each recorded before it is made and when it has ended, and made once unless its tool says otherwise."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ...core.asks import ToolCall, fingerprint
from ...core.blobs import EXACT, Blob
from ...core.errors import (
    DependencyUnavailable,
    EgressRefused,
    LimitRefused,
    QueryRejected,
    Refusal,
    ToolError,
    ToolRefused,
)
from ...core.events import ToolCompleted, ToolExecuting
from ...core.exhaustion import plain_fault
from ...core.journal import Recorded, Unknown
from ...core.repaired_text import repaired
from ...services.event_emitter import EventTooLarge
from ...services.redaction import is_too_long, redaction, result_redaction
from ..interface import ToolOutcome
from ..tools.definition import ForeignTool, Tool
from ..tools.unified_tool_dispatcher_factory import ToolDispatcher
from .branches import Performing, on_branch
from .own_steps import encoded
from .run_recorder import BROKEN_OFF, UNKNOWN, RunRecorder, until_cancelled
from .tool_approvals import Denied, ToolApprovals

_LOG: Final = logging.getLogger("netra.run")


class ToolCalls:
    """The tool calls of one agent of a run: with its rights, on behalf of the step ``parent_call_id``, if another agent asked
    it."""

    __slots__ = ("_approvals", "_dispatcher", "_parent", "_recorder")

    def __init__(self, recorder: RunRecorder, dispatcher: ToolDispatcher, parent_call_id: str) -> None:
        self._recorder = recorder
        self._dispatcher = dispatcher
        self._parent = parent_call_id
        self._approvals = ToolApprovals(recorder, dispatcher, parent_call_id)

    async def call(
        self,
        key: str,
        tool: str | ForeignTool,
        arguments: Mapping[str, Any],
        *,
        provider_call_id: str = "",
        requested_by: str = "",
    ) -> ToolOutcome:
        """Make the call that has this key, or return what is recorded of it. ``provider_call_id`` and ``requested_by`` are those
        of ``core.events.ToolExecuting``. What a foreign tool returns comes as it is, what another returns redacted."""
        definition, refusal = self._find(tool)
        tool = tool if isinstance(tool, str) else tool.name
        asked = await self._shown(arguments, definition)
        await self._recorder.emitter.keep_pace()
        answer = self._recorder.next(key, ToolCall(tool, asked))
        shown, mark = asked, ""
        if self._recorder.hidden:
            shown = await self._shown(self._recorder.hidden.without(arguments), definition)
            if shown != asked:
                mark = fingerprint(self._dispatcher.user_context.run_id, ToolCall(tool, asked))
        if type(answer) is Unknown and answer.approval is not None:
            shown = answer.approval.arguments  # without what was hidden then
        if type(answer) is Recorded and answer.completed is not None:
            if answer.cancelled:
                await until_cancelled()
            return await self._recorded(answer.completed)
        call_id = answer.call_id
        begun = type(answer) is Unknown and answer.executing
        not_called: ToolOutcome | None = None
        if definition is None:
            assert refusal is not None
            not_called = await self._refused(refusal, tool)
        elif definition.approval:
            try:
                approved = await self._approvals.ask(call_id, key, definition, arguments, shown, answer, mark)
            except ToolRefused as refused:
                not_called = await self._refused(refused, tool)
            except Denied as denied:
                not_called = _failed("APPROVAL_DENIED", str(denied), hint="Do not ask for the same call again.")
            else:
                if approved is not arguments:
                    arguments, mark = approved, ""
                    shown = await self._shown(self._recorder.hidden.without(arguments), definition)
        if not begun:
            self._recorder.emit(
                ToolExecuting, call_id, tool, shown, key, provider_call_id, requested_by, self._parent, mark
            )
        if not_called is not None:
            return self._completed(call_id, tool, 0, not_called)
        assert definition is not None
        if begun and not definition.idempotent:
            return self._completed(call_id, tool, 0, ToolOutcome(False, error=dict(UNKNOWN)))
        with on_branch(Performing(tool, call_id)):
            return await self._perform(call_id, definition, arguments)

    def usable(self) -> list[Tool[Any]]:
        """The server's tools that this agent may use, in the order of their names."""
        return self._dispatcher.usable()

    async def _shown(self, arguments: Mapping[str, Any], definition: Tool[Any] | None) -> dict[str, Any]:
        """The arguments as they are recorded: without secrets, but for those that the run was given, which the emitter hides."""
        names = definition.secret_arguments if definition else frozenset[str]()
        opened = definition is not None and bool(definition.approval)
        shown: dict[str, Any] = await self._recorder.services.long_work.finish(
            redaction(dict(arguments), names, opened=opened)
        )
        return shown

    def _find(self, tool: str | ForeignTool) -> tuple[Tool[Any] | None, ToolRefused | None]:
        try:
            if isinstance(tool, str):
                return self._dispatcher.find(tool), None
            self._dispatcher.admit(tool)
            return tool, None
        except ToolRefused as refusal:
            return None, refusal

    async def _refused(
        self, refusal: ToolError | ToolRefused | QueryRejected | EgressRefused, tool: str
    ) -> ToolOutcome:
        trail, context = self._recorder.services.audit_trail, self._dispatcher.user_context
        if isinstance(refusal, Refusal) and trail is not None:
            trail.record_refusal(context.user_id, refusal, run_id=context.run_id, tool=tool)
        error: dict[str, Any] = {"code": refusal.code, "message": refusal.message, "hint": refusal.hint}
        if isinstance(refusal, ToolError) and refusal.details:
            error["details"] = refusal.details
        return ToolOutcome(False, error=await self._redacted(error))

    async def _perform(self, call_id: str, definition: Tool[Any], arguments: Mapping[str, Any]) -> ToolOutcome:
        services = self._recorder.services
        clock = services.clock
        began = clock.monotonic()
        try:
            try:
                if not definition.idempotent:
                    await self._recorder.emitter.durable()
                result = await self._dispatcher.call(definition, arguments)
                if isinstance(definition, ForeignTool):
                    return await self._exact(call_id, definition, round((clock.monotonic() - began) * 1000), result)
                outcome = ToolOutcome(True, await self._redacted(result) if definition.redact else result)
            except (ToolError, ToolRefused, QueryRejected, EgressRefused) as refusal:
                outcome = await self._refused(refusal, definition.name)
        except DependencyUnavailable as fault:
            error = {"code": "DEPENDENCY_UNAVAILABLE", "message": fault.message, "hint": fault.hint}
            outcome = ToolOutcome(False, error=error)
        except asyncio.CancelledError:
            self._broken_off(call_id, definition, round((clock.monotonic() - began) * 1000))
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as fault:
            error_id = services.mint("err")
            _LOG.exception("tool failed", extra={"tool": definition.name, "error_id": error_id})
            plain = plain_fault(fault) if isinstance(fault, Exception) else None
            if plain is not None:
                outcome = _failed("DEPENDENCY_UNAVAILABLE", plain.message, hint=plain.hint, error_id=error_id)
            else:
                outcome = _failed(
                    "TOOL_FAILED", f"{definition.name} failed ({type(fault).__name__}).", error_id=error_id
                )
        return self._completed(call_id, definition.name, round((clock.monotonic() - began) * 1000), outcome)

    async def _exact(self, call_id: str, tool: ForeignTool, elapsed_ms: int, result: Any) -> ToolOutcome:
        """The result as it is, for the agent alone; what is shown of it is redacted, and may be less. Raises ``ToolError`` if it
        is not JSON."""
        recorder, body = self._recorder, encoded(result)
        if body is None:
            return self._completed(call_id, tool.name, elapsed_ms, ToolOutcome(True))
        body = recorder.hidden.encoded(body)
        result = msgspec.json.decode(body)
        seen = result if tool.shown is None else tool.shown(result)
        if len(body) * 2 > recorder.emitter.most_bytes:
            shown: Any = f"({len(body):,} bytes)"
        else:
            shown = await self._redacted(seen) if tool.redact else seen
        if shown == result:
            return self._completed(call_id, tool.name, elapsed_ms, ToolOutcome(True, result))
        blob = Blob.of(body, EXACT)
        try:
            recorder.emit(
                ToolCompleted, call_id, tool.name, True, elapsed_ms, shown, recorded=blob.named, blobs=(blob,)
            )
        except LimitRefused as fault:
            outcome = _failed("RESULT_TOO_LARGE", f"The result of {tool.name} is too large: {fault.message}")
            return self._completed(call_id, tool.name, elapsed_ms, outcome)
        return ToolOutcome(True, result)

    async def _redacted(self, result: Any) -> Any:
        """The result as it is recorded, for the agent, too: after a restart it is given that. Looking for secrets costs far more
        than writing, so what cannot be recorded anyway is not looked at; others have their turn between."""
        try:
            try:
                size = len(msgspec.json.encode(result))
            except UnicodeEncodeError:  # half of a surrogate pair: it is recorded repaired
                size = len(msgspec.json.encode(repaired(result)))
        except (TypeError, ValueError, OverflowError):  # recording it raises the same, and says what is wrong
            return result
        if size > self._recorder.emitter.most_bytes:
            return result
        result = self._recorder.hidden.without(result)
        return await self._recorder.services.long_work.finish(result_redaction(result))

    def _broken_off(self, call_id: str, definition: Tool[Any], elapsed_ms: int) -> None:
        """Record that the agent broke the call off, which it does on every replay, or that the server did, whose next process
        makes an idempotent call again."""
        if not self._recorder.stopping:
            self._completed(call_id, definition.name, elapsed_ms, ToolOutcome(False, error=dict(BROKEN_OFF)))
        elif not definition.idempotent:
            self._completed(call_id, definition.name, elapsed_ms, ToolOutcome(False, error=dict(UNKNOWN)))

    async def _recorded(self, completed: ToolCompleted) -> ToolOutcome:
        if completed.recorded is None:
            return ToolOutcome(completed.ok, completed.result, completed.error)
        return ToolOutcome(True, msgspec.json.decode(await self._recorder.emitter.blob(completed.recorded.ref)))

    def _completed(self, call_id: str, tool: str, elapsed_ms: int, outcome: ToolOutcome) -> ToolOutcome:
        if hidden := self._recorder.hidden:
            outcome = ToolOutcome(outcome.ok, hidden.without(outcome.result), hidden.without(outcome.error))
        try:
            if self._recorder.emit(
                ToolCompleted, call_id, tool, outcome.ok, elapsed_ms, outcome.result, outcome.error
            ):  # the agent gets what a replay would give it
                outcome = ToolOutcome(outcome.ok, repaired(outcome.result), repaired(outcome.error))
        except EventTooLarge as fault:
            outcome = _failed("RESULT_TOO_LARGE", f"The result of {tool} is too large: {fault}.")
            self._completed(call_id, tool, elapsed_ms, outcome)
        except (TypeError, ValueError, OverflowError):
            if is_too_long(outcome.result) or is_too_long(outcome.error):
                outcome = _failed(
                    "RESULT_TOO_LARGE", f"The result of {tool} holds a number of more digits than can be written."
                )
            else:
                outcome = _failed("TOOL_FAILED", f"The result of {tool} is not JSON.")
            self._completed(call_id, tool, elapsed_ms, outcome)
        return outcome


def _failed(code: str, message: str, **more: Any) -> ToolOutcome:
    return ToolOutcome(False, error={"code": code, "message": message, "hint": "Try again, or ask for less.", **more})
