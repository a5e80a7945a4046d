"""Tool calls that wait for their user's word: it counts for the call as it was shown, or for arguments that the user gave it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from ...core import question_points
from ...core.errors import Fault, FrameRefused, ToolRefused
from ...core.events import ApprovalRequested, ApprovalResolved
from ...core.journal import Perform, Recorded, Unknown
from ...core.peer_messages import WaitingCall, WaitingQuestion
from ...core.questions import AGENT, CANCELLED, RESPONSE_SCHEMA, answer_shown, approval_id_of
from ...services.answer_schemas import AnswerSchema
from ...services.questions import OpenQuestion, Word, hash_arguments
from ...services.redaction import redact, redact_text
from ..tools.definition import Tool
from ..tools.unified_tool_dispatcher_factory import ToolDispatcher
from .run_recorder import RunRecorder, until_cancelled
from .shown_arguments import NotRestored, is_cut, restored
from .user_questions import answered, record


class Denied(Exception):
    """The call is not made: ``decision`` is deny, expired or, if nobody can tell what the user changed, unclear."""

    def __init__(self, tool: str, decision: str, reason: str) -> None:
        told = f"{tool} was not approved ({decision}){f': {reason}' if reason else ''}"
        super().__init__(told if told.endswith((".", "!", "?")) else f"{told}.")


class ToolApprovals:
    """The approvals of one agent of a run, on behalf of the step ``parent_call_id``, if another agent asked it."""

    __slots__ = ("_dispatcher", "_parent", "_recorder")

    def __init__(self, recorder: RunRecorder, dispatcher: ToolDispatcher, parent_call_id: str) -> None:
        self._recorder = recorder
        self._dispatcher = dispatcher
        self._parent = parent_call_id

    async def ask(
        self,
        call_id: str,
        key: str,
        tool: Tool[Any],
        arguments: Mapping[str, Any],
        shown: dict[str, Any],
        answer: Perform | Recorded | Unknown,
        mark: str = "",
    ) -> Mapping[str, Any]:
        """The arguments that the user approved: those of the call, or others. Raises ``Denied``; ``ToolRefused`` if the call
        would be refused anyway, about which nobody is asked."""
        self._dispatcher.fitting(tool, arguments)
        recorder = self._recorder
        requested, resolved = (answer.approval, answer.resolved) if type(answer) is Unknown else (None, None)
        if requested is None:
            if tool.name not in recorder.journal.remembered:
                await recorder.services.questions.turn(self._dispatcher.user_context.run_id)
            if tool.name in recorder.journal.remembered:
                return arguments
            if is_cut(shown, arguments):
                raise ToolRefused(
                    f"The arguments of {tool.name} are more than can be shown to who approves them.",
                    code="ARGUMENTS_NOT_SHOWN",
                    field="arguments",
                    hint="Give less at once, or nest it less.",
                    point=question_points.APPROVAL_SHOWN,
                )
        arguments_hash = hash_arguments(tool.name, arguments)
        if requested is not None and requested.arguments_hash != arguments_hash:
            raise Fault(  # they look the same where secrets are hidden
                "The agent is not deterministic: its arguments differ from those that the user was asked to approve."
            )
        if resolved is not None:
            return await self._recorded(tool, arguments, shown, resolved)
        call = self._request(call_id, key, tool, shown, arguments_hash, requested, mark)
        shown = call.arguments
        gave_up = partial(recorder.emit, ApprovalResolved, call.approval_id, CANCELLED, AGENT)
        schema = AnswerSchema(RESPONSE_SCHEMA, recorder.services.questions.limits)
        judge = partial(self._judged, schema, tool, arguments, shown)
        question = OpenQuestion(self._dispatcher.user_context.user_id, WaitingQuestion.about(call), judge)
        word, exact, _ = await answered(recorder, question, gave_up)
        if word.answer is None:
            recorder.emit(ApprovalResolved, call.approval_id, "expired", word.by)
            raise Denied(tool.name, "expired", "")
        return self._resolved(tool, arguments, shown, call.approval_id, word, exact)

    def _request(
        self,
        call_id: str,
        key: str,
        tool: Tool[Any],
        shown: dict[str, Any],
        arguments_hash: str,
        requested: ApprovalRequested | None,
        mark: str,
    ) -> WaitingCall:
        """What the user is asked, or was asked before."""
        recorder, context = self._recorder, self._dispatcher.user_context
        approval_id = approval_id_of(context.run_id, call_id)
        reason = recorder.hidden.text(tool.approval) if isinstance(tool.approval, str) else ""
        if requested is not None:
            approval_id, expires_at = requested.approval_id, requested.expires_at
        else:
            expires_at = recorder.services.clock.now_ms() + recorder.services.approval_ms
            recorder.emit(
                ApprovalRequested,
                approval_id=approval_id,
                call_id=call_id,
                tool=tool.name,
                arguments=shown,
                arguments_hash=arguments_hash,
                expires_at=expires_at,
                step=key,
                parent_call_id=self._parent,
                reason=reason,
                response_schema=RESPONSE_SCHEMA,
                fingerprint=mark,
            )
        if recorder.hidden:
            shown = recorder.hidden.plain(shown)
        return WaitingCall(
            approval_id, context.thread_id, context.run_id, tool.name, shown, arguments_hash, expires_at, reason
        )

    def _judged(
        self, schema: AnswerSchema, tool: Tool[Any], arguments: Mapping[str, Any], shown: dict[str, Any], answer: Any
    ) -> bytes:
        """An answer that fits, as JSON. Raises ``FrameRefused`` (``invalid_answer``)."""
        hidden = self._recorder.hidden
        raw, problem, hint = schema.judge(answer, hidden.text), "", None
        if "arguments" in answer:
            try:
                self._dispatcher.admit(tool)
                edited = hidden.plain(answer["arguments"]) if hidden else answer["arguments"]
                self._dispatcher.fitting(tool, restored(edited, shown, arguments))
            except ToolRefused as refusal:
                problem, hint = hidden.text(refusal.message), refusal.hint
            except NotRestored as fault:
                problem, hint = str(fault), fault.hint
        if problem:
            raise FrameRefused(
                problem,
                kind="invalid_answer",
                field="answer.arguments",
                hint=hint,
                point=question_points.ANSWER_ARGUMENTS,
            )
        return raw

    def _resolved(
        self,
        tool: Tool[Any],
        arguments: Mapping[str, Any],
        shown: dict[str, Any],
        approval_id: str,
        word: Word,
        exact: dict[str, Any],
    ) -> Mapping[str, Any]:
        """Record the user's word, and do as it says."""
        edited, reason = exact.get("arguments"), exact.get("reason", "")
        told = None if edited is None else redact(edited, tool.secret_arguments, opened=True)
        told_reason, remember = redact_text(reason), exact.get("remember", False)
        own = (approval_id, exact["decision"], word.by, told_reason, told, remember)
        record(self._recorder, word, ApprovalResolved, *own, is_exact=(told_reason, told) == (reason, edited))
        if exact["decision"] != "approve":
            raise Denied(tool.name, exact["decision"], told_reason)
        if remember:
            self._recorder.journal.remembered.add(tool.name)
        return arguments if edited is None else _made(tool, edited, shown, arguments)

    async def _recorded(
        self, tool: Tool[Any], arguments: Mapping[str, Any], shown: dict[str, Any], resolved: ApprovalResolved
    ) -> Mapping[str, Any]:
        if resolved.decision == CANCELLED:
            await until_cancelled()
        if resolved.decision != "approve":
            raise Denied(tool.name, resolved.decision, resolved.reason)
        answer = answer_shown(resolved)
        if resolved.recorded is not None:
            answer = msgspec.json.decode(await self._recorder.emitter.blob(resolved.recorded.ref))
        return _made(tool, answer["arguments"], shown, arguments) if "arguments" in answer else arguments


def _made(tool: Tool[Any], edited: Any, shown: dict[str, Any], arguments: Mapping[str, Any]) -> Any:
    """As ``restored``, of an answer that counts already. Raises ``Denied``."""
    try:
        return restored(edited, shown, arguments)
    except NotRestored as fault:  # a secret of the run's that it got after the answer was judged is hidden in it, too
        raise Denied(tool.name, "unclear", str(fault)) from None
