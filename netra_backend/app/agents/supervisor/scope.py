"""One run, as its agent sees it: each step asks the journal first, and is recorded when it is performed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Any, Final

from ...core.errors import DependencyUnavailable, Fault, QueryRejected, Refusal, ToolError, ToolRefused
from ...core.events import AgentDelta, AgentThinking, ApprovalRequested, ApprovalResolved, ToolCompleted, ToolExecuting
from ...core.exhaustion import plain_fault
from ...core.journal import (
    SAY_CALL,
    Answer,
    Ask,
    Diverged,
    Journal,
    ModelCall,
    Perform,
    Recorded,
    Saying,
    Thought,
    ToolCall,
    Unknown,
)
from ...core.repaired_text import repaired
from ...services.approvals import PendingApproval, approval_id_of, hash_arguments
from ...services.event_emitter import EventTooLarge, UserEventEmitter
from ...services.redaction import is_too_long, redact, redact_shapes
from ..interface import ModelReply, PastMessage, ToolOutcome
from ..tools.definition import Tool
from ..tools.unified_tool_dispatcher_factory import ToolDispatcher
from .model_stream import Coalescer, SentenceGate, Shown
from .run_services import RunServices

_LOG: Final = logging.getLogger("netra.run")
_NOTHING: Final = Decimal(0)
_UNKNOWN: Final = {
    "code": "OUTCOME_UNKNOWN",
    "message": "The call had started, but its outcome is unknown.",
    "hint": "Check what it did before you ask for it again.",
}


class EngineRunScope:
    """``agents.interface.RunScope`` for one run of one engine."""

    __slots__ = (
        "_calls",
        "_dispatcher",
        "_emitter",
        "_journal",
        "_services",
        "cost_usd",
        "history",
        "input_tokens",
        "message",
        "now_ms",
        "output_tokens",
        "timezone",
    )

    def __init__(
        self,
        emitter: UserEventEmitter,
        dispatcher: ToolDispatcher,
        journal: Journal,
        services: RunServices,
        *,
        message: str,
        now_ms: int,
        timezone: str,
        history: Sequence[PastMessage],
    ) -> None:
        self.message = message
        self.now_ms = now_ms
        self.timezone = timezone
        self.history = history
        self.input_tokens = 0
        self.output_tokens = 0
        self.cost_usd = _NOTHING
        self._emitter = emitter
        self._dispatcher = dispatcher
        self._journal = journal
        self._services = services
        self._calls = 0

    @property
    def has_model(self) -> bool:
        return self._services.model is not None

    def _next(self, ask: Ask) -> Answer:
        answer = self._journal.next(ask)
        if type(answer) is Diverged:
            raise Fault(
                f"The agent is not deterministic: it recorded {answer.recorded}, but now asks for {str(ask)[:200]}"
            )
        return answer

    def _call_id(self, kind: str) -> str:
        self._calls += 1
        return f"{kind}_{self._calls}"

    async def think(self, text: str) -> None:
        _check_text(text)
        if type(self._next(Thought(text))) is Perform:
            self._emitter.emit(AgentThinking, text)

    async def say(self, text: str) -> None:
        _check_text(text)
        call_id = self._call_id(SAY_CALL)
        if type(self._next(Saying(text))) is Perform:
            self._emitter.emit(AgentDelta, call_id=call_id, attempt=1, text=text, done=True)

    # --- tools ------------------------------------------------------------------------------------------------------

    async def use_tool(self, tool: str, **arguments: Any) -> ToolOutcome:
        call_id = self._call_id("call")
        definition, refusal = self._find(tool)
        shown = redact(arguments, definition.secret_arguments if definition else frozenset())
        answer = self._next(ToolCall(tool, shown))
        if type(answer) is Recorded and answer.completed is not None:
            return _outcome(answer.completed)
        begun = type(answer) is Unknown and answer.executing
        not_called: ToolOutcome | None = None
        if definition is None:
            assert refusal is not None
            not_called = self._refused(refusal, tool)
        elif definition.approval:
            not_called = await self._ask_approval(call_id, definition, arguments, shown, answer)
        if not begun:
            self._emitter.emit(ToolExecuting, call_id, tool, shown)
        if not_called is not None:
            return self._completed(call_id, tool, 0, not_called)
        assert definition is not None
        if not definition.idempotent:
            if begun:
                return self._completed(call_id, tool, 0, ToolOutcome(False, error=dict(_UNKNOWN)))
            await self._emitter.durable()
        return await self._perform(call_id, definition, arguments)

    def _find(self, tool: str) -> tuple[Tool[Any] | None, ToolRefused | None]:
        try:
            return self._dispatcher.find(tool), None
        except ToolRefused as refusal:
            return None, refusal

    def _refused(self, refusal: ToolError | ToolRefused | QueryRejected, tool: str) -> ToolOutcome:
        trail, context = self._services.audit_trail, self._dispatcher.user_context
        if isinstance(refusal, Refusal) and trail is not None:
            trail.record_refusal(context.user_id, refusal, run_id=context.run_id, tool=tool)
        error: dict[str, Any] = {"code": refusal.code, "message": refusal.message, "hint": refusal.hint}
        if isinstance(refusal, ToolError) and refusal.details:
            error["details"] = refusal.details
        return ToolOutcome(False, error=redact_shapes(error))

    async def _perform(self, call_id: str, definition: Tool[Any], arguments: Mapping[str, Any]) -> ToolOutcome:
        clock = self._services.clock
        began = clock.monotonic()
        try:
            result = await self._dispatcher.call(definition, arguments)
            # For the agent, too: after a restart it is given what is recorded.
            outcome = ToolOutcome(True, redact_shapes(result) if definition.redact else result)
        except (ToolError, ToolRefused, QueryRejected) as refusal:
            outcome = self._refused(refusal, definition.name)
        except DependencyUnavailable as fault:
            error = {"code": "DEPENDENCY_UNAVAILABLE", "message": fault.message, "hint": fault.hint}
            outcome = ToolOutcome(False, error=error)
        except asyncio.CancelledError:
            if not definition.idempotent:
                elapsed = round((clock.monotonic() - began) * 1000)
                self._completed(call_id, definition.name, elapsed, ToolOutcome(False, error=dict(_UNKNOWN)))
            raise
        except Exception as fault:
            error_id = self._services.mint("err")
            _LOG.exception("tool failed", extra={"tool": definition.name, "error_id": error_id})
            plain = plain_fault(fault)
            if plain is not None:
                outcome = _failed("DEPENDENCY_UNAVAILABLE", plain.message, hint=plain.hint, error_id=error_id)
            else:
                outcome = _failed(
                    "TOOL_FAILED", f"{definition.name} failed ({type(fault).__name__}).", error_id=error_id
                )
        return self._completed(call_id, definition.name, round((clock.monotonic() - began) * 1000), outcome)

    def _completed(self, call_id: str, tool: str, elapsed_ms: int, outcome: ToolOutcome) -> ToolOutcome:
        try:
            if self._emitter.emit(
                ToolCompleted, call_id, tool, outcome.ok, elapsed_ms, outcome.result, outcome.error
            ):  # the agent gets what a replay would give it
                outcome = ToolOutcome(outcome.ok, repaired(outcome.result), repaired(outcome.error))
        except EventTooLarge as fault:
            outcome = _failed("RESULT_TOO_LARGE", f"The result of {tool} is too large: {fault}.")
            self._completed(call_id, tool, elapsed_ms, outcome)
        except (TypeError, ValueError, OverflowError):
            if is_too_long(outcome.result):
                outcome = _failed(
                    "RESULT_TOO_LARGE", f"The result of {tool} holds a number of more digits than can be written."
                )
            else:
                outcome = _failed("TOOL_FAILED", f"The result of {tool} is not JSON.")
            self._completed(call_id, tool, elapsed_ms, outcome)
        return outcome

    async def _ask_approval(
        self, call_id: str, definition: Tool[Any], arguments: Mapping[str, Any], shown: dict[str, Any], answer: Answer
    ) -> ToolOutcome | None:
        """``None`` if the user said yes. Nobody is asked about a call that would be refused anyway."""
        services = self._services
        try:
            self._dispatcher.fitting(definition, arguments)
        except ToolRefused as refusal:
            return self._refused(refusal, definition.name)
        requested = answer.approval if type(answer) is Unknown else None
        resolved = answer.resolved if type(answer) is Unknown else None
        arguments_hash = hash_arguments(definition.name, arguments)
        if requested is None:
            requested_id = approval_id_of(self._dispatcher.user_context.run_id, call_id)
            expires_at = services.clock.now_ms() + services.approval_ms
            self._emitter.emit(
                ApprovalRequested,
                approval_id=requested_id,
                call_id=call_id,
                tool=definition.name,
                arguments=shown,
                arguments_hash=arguments_hash,
                expires_at=expires_at,
            )
        else:
            requested_id, expires_at = requested.approval_id, requested.expires_at
            if requested.arguments_hash != arguments_hash:  # they look the same where secrets are hidden
                raise Fault(
                    "The agent is not deterministic: its arguments differ from those that the user was asked "
                    "to approve."
                )
        if resolved is None:
            context = self._dispatcher.user_context
            pending = PendingApproval(
                context.user_id,
                context.thread_id,
                context.run_id,
                requested_id,
                definition.name,
                shown,
                arguments_hash,
                expires_at,
                asyncio.get_running_loop().create_future(),
            )
            word = await services.approvals.wait(pending, services.clock.now_ms())
            self._emitter.emit(
                ApprovalResolved,
                approval_id=requested_id,
                decision=word.decision,
                by=word.by,
                on_commit=word.recorded,
            )
            decision = word.decision
        else:
            decision = resolved.decision
        if decision == "approve":
            return None
        return _failed("APPROVAL_DENIED", f"{definition.name} was not approved ({decision}).")

    # --- the model --------------------------------------------------------------------------------------------------

    async def ask_model(
        self,
        prompt: str,
        *,
        system: str = "",
        max_tokens: int | None = None,
        check: Callable[[str], bool] | None = None,
        instead: str | None = None,
    ) -> ModelReply:
        call_id = self._call_id("model")
        answer = self._next(ModelCall())
        if type(answer) is Recorded:
            last = answer.parts[-1]
            if last.error is not None:
                raise DependencyUnavailable(last.error)
            return self._count("".join(part.text for part in answer.parts), last.usage or {})
        attempt = answer.attempt if type(answer) is Perform else 1
        shown = Shown(self._emitter, call_id, attempt, Coalescer(self._services.clock), check and SentenceGate(check))
        usage: dict[str, Any] = {}
        try:
            await self._stream(shown, usage, prompt, system, max_tokens or self._services.model_tokens)
            text = shown.finish(usage)
        except Exception as fault:  # recorded, so that an agent that goes on without the model does so on every replay
            reason = fault.message if isinstance(fault, DependencyUnavailable) else "The language model failed."
            if instead is None:
                shown.fail(reason)
                raise DependencyUnavailable(reason) from fault
            usage["replaced"] = reason
            text = shown.replace(instead, usage)
        return self._count(text, usage)

    async def _stream(self, shown: Shown, usage: dict[str, Any], prompt: str, system: str, most: int) -> None:
        model = self._services.model
        if model is None:
            raise DependencyUnavailable("No language model is configured.", hint="Set NETRA_MODEL.")
        async with aclosing(model.stream(prompt, system=system, max_tokens=most)) as parts:
            async for part in parts:
                usage.update(part.usage or {})
                shown.add(part.text)

    def _count(self, text: str, usage: Mapping[str, Any]) -> ModelReply:
        reply = ModelReply(
            text,
            int(usage.get("input_tokens", 0)),
            int(usage.get("output_tokens", 0)),
            usage.get("cost_usd"),
            usage.get("replaced"),
        )
        self.input_tokens += reply.input_tokens
        self.output_tokens += reply.output_tokens
        self.cost_usd += Decimal(reply.cost_usd or 0)
        return reply


def _outcome(completed: ToolCompleted) -> ToolOutcome:
    return ToolOutcome(completed.ok, completed.result, completed.error)


def _check_text(text: str) -> None:
    """What is recorded must be read back as the same: an agent in Python may hand over anything."""
    if type(text) is not str:
        raise TypeError(f"text must be a str, not {type(text).__name__}")


def _failed(code: str, message: str, **more: Any) -> ToolOutcome:
    return ToolOutcome(False, error={"code": code, "message": message, "hint": "Try again, or ask for less.", **more})
