"""Runs as streams of UI messages (AI SDK 6, ``ai`` on npm: ``uiMessageChunkSchema``): a run is one message of the assistant.

Only parts that version 6 knows are sent. Tools are dynamic and executed here. A text that an attempt took back is closed, and
begun anew under another id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec

from .. import events
from .streamed_texts import StreamedText, streamed_as

Chunk = dict[str, Any]

_REASONS: Final = {"stop": "stop", "length": "length", "content_filter": "content-filter", "tool_calls": "tool-calls"}
_MESSAGE: Final = "msg_"
_CURSOR: Final = "seq"
"""The field of a message's metadata that says how much of its run the client has."""
_MOST_METADATA: Final = 16_384
_OURS: Final = {"dynamic": True, "providerExecuted": True}


def message_id_of(run_id: str) -> str:
    """The id of the message that a run is."""
    return _MESSAGE + run_id


def run_id_of(message_id: str) -> str | None:
    """The run that a message is; ``None`` if it is not one of these."""
    return message_id.removeprefix(_MESSAGE) if message_id.startswith(_MESSAGE) else None


@dataclass(slots=True)
class _Text(StreamedText):
    """``part`` counts the parts of a message that have it."""

    part: int = 0


@dataclass(slots=True)
class MessageFold:
    """Takes the events of one run in their order, each once; those of others are passed over."""

    run_id: str
    is_over: bool = False
    _texts: dict[str, _Text] = field(default_factory=dict)
    _reasonings: dict[str, _Text] = field(default_factory=dict)
    _open: tuple[str, str] | None = None
    _known: set[str] = field(default_factory=set)
    _running: set[str] = field(default_factory=set)
    _asked: dict[str, str] = field(default_factory=dict)
    _denied: set[str] = field(default_factory=set)

    @property
    def waits(self) -> bool:
        """Whether nothing happens before an approval is given."""
        return bool(self._asked) and not self._running and not self.is_over

    def take(self, event: events.AnyEvent) -> Iterator[Chunk]:
        """The chunks that this event brings."""
        if isinstance(event, events.OtherEvent) or event.run_id != self.run_id or self.is_over:
            return
        match event:
            case events.UserMessage():
                yield from self.begins({"threadId": event.thread_id, "runId": event.run_id, "agent": event.agent})
            case events.AgentThinking():
                yield {"type": "data-thinking", "data": {"text": event.text}}
            case events.AgentDelta():
                yield from self._delta(event)
            case events.ApprovalRequested():
                yield from self._closed()
                yield from self._call(event.call_id, event.tool, event.arguments)
                self._asked[event.approval_id] = event.call_id
                yield {"type": "tool-approval-request", "approvalId": event.approval_id, "toolCallId": event.call_id}
            case events.ApprovalResolved():
                call_id = self._asked.pop(event.approval_id, "")
                if call_id and event.decision != "approve":
                    self._denied.add(call_id)
                    yield {"type": "tool-output-denied", "toolCallId": call_id}
            case events.ToolExecuting():
                yield from self._closed()
                self._running.add(event.call_id)
                yield from self._call(event.call_id, event.tool, event.arguments)
            case events.ToolCompleted():
                self._running.discard(event.call_id)
                if event.call_id in self._known and event.call_id not in self._denied:
                    yield _output(event)
            case events.QuestionAsked():
                asked = {"questionId": event.question_id, "text": event.text, "expiresAt": event.expires_at}
                schema = {"schema": event.schema} if event.schema is not None else {}
                yield {"type": "data-question", "id": event.question_id, "data": asked | schema}
            case events.AgentCompleted():
                yield from self._result(event)
                yield from self._closed()
                self.is_over = True
                yield {"type": "finish-step"}
                metadata = {"messageMetadata": {"usage": event.usage}} if event.usage else {}
                yield {"type": "finish", "finishReason": _REASONS.get(event.finish_reason, "other"), **metadata}
            case events.AgentFailed():
                yield from self._closed()
                self.is_over = True
                yield {"type": "error", "errorText": f"{event.message} {event.hint}".strip()}
            case events.AgentCancelled():
                yield from self._closed()
                self.is_over = True
                yield {"type": "abort", "reason": event.by}

    def begins(self, metadata: dict[str, Any]) -> Iterator[Chunk]:
        """The message begins, or goes on in another stream."""
        yield {"type": "start", "messageId": message_id_of(self.run_id), "messageMetadata": metadata}
        yield {"type": "start-step"}

    def interrupted(self, seq: int) -> Iterator[Chunk]:
        """The stream ends because the run waits, after the event at this position."""
        yield {"type": "finish-step"}
        yield {"type": "finish", "finishReason": "tool-calls", "messageMetadata": {_CURSOR: seq}}

    def _call(self, call_id: str, tool: str, arguments: dict[str, Any]) -> Iterator[Chunk]:
        if call_id not in self._known:
            self._known.add(call_id)
            head = {"toolCallId": call_id, "toolName": tool, **_OURS}
            yield {"type": "tool-input-start", **head}
            yield {"type": "tool-input-available", **head, "input": arguments}

    def _delta(self, event: events.AgentDelta) -> Iterator[Chunk]:
        kind = event.kind or "text"
        if kind in ("text", "reasoning"):
            text = self._all(kind).setdefault(event.message_id or event.call_id, _Text())
            text.add(event.attempt, event.text)
            yield from self._say(kind, event.message_id or event.call_id, text)

    def _result(self, event: events.AgentCompleted) -> Iterator[Chunk]:
        whole = event.result.get("text")
        if isinstance(whole, str) and whole:
            name = streamed_as(self._texts, event.message_id or event.run_id, whole)
            text = self._texts.setdefault(name, _Text())
            text.text = whole
            yield from self._say("text", name, text)

    def _say(self, kind: str, name: str, text: _Text) -> Iterator[Chunk]:
        news = text.news()
        if news is None:
            return
        if not news.goes_on or self._open != (kind, name):
            yield from self._closed()
            text.part += 1
            self._open = kind, name
            yield {"type": f"{kind}-start", "id": self._part(kind, name)}
        yield {"type": f"{kind}-delta", "id": self._part(kind, name), "delta": news.text}

    def _closed(self) -> Iterator[Chunk]:
        if self._open is not None:
            kind, name = self._open
            yield {"type": f"{kind}-end", "id": self._part(kind, name)}
            self._open = None

    def _all(self, kind: str) -> dict[str, _Text]:
        return self._texts if kind == "text" else self._reasonings

    def _part(self, kind: str, name: str) -> str:
        return f"{kind}:{name}#{self._all(kind)[name].part}"


def _output(event: events.ToolCompleted) -> Chunk:
    if event.ok:
        return {"type": "tool-output-available", "toolCallId": event.call_id, "output": event.result, **_OURS}
    message = str((event.error or {}).get("message", "")) or "The tool failed."
    return {"type": "tool-output-error", "toolCallId": event.call_id, "errorText": message, **_OURS}


class Approval(msgspec.Struct, frozen=True):
    """What a client says of a call that waits."""

    id: str
    approved: bool | None = None
    reason: str | None = None


class Part(msgspec.Struct, frozen=True):
    """What is read of a part of a message; all else in it is passed over."""

    type: str = ""
    text: str | None = None
    state: str = ""
    approval: Approval | None = None


class UiMessage(msgspec.Struct, frozen=True):
    """One of the messages that a client sends."""

    id: str
    role: str
    parts: list[Part] = []
    metadata: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _Metadata(msgspec.Struct):
    seq: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the newest message brings: words of the user, or decisions on calls (approval, yes or no, reason). Its run stands in
    it up to the position ``cursor``."""

    message_id: str
    text: str = ""
    decisions: tuple[tuple[str, bool, str], ...] = ()
    cursor: int = 0


def asked_in(messages: Sequence[UiMessage]) -> Asked | None:
    """What a client asks with these messages; ``None`` if it asks nothing. The log has what was said before."""
    if not messages:
        return None
    last = messages[-1]
    if last.role == "assistant":
        decisions = tuple(_decisions(last.parts))
        if decisions:
            return Asked(last.id, "", decisions, _cursor(last.metadata))
    user = next((message for message in reversed(messages) if message.role == "user"), None)
    if user is None:
        return None
    text = "\n\n".join(part.text for part in user.parts if part.type == "text" and part.text)
    return Asked(user.id, text) if text else None


def _decisions(parts: Sequence[Part]) -> Iterator[tuple[str, bool, str]]:
    for part in parts:
        approval = part.approval
        if part.state == "approval-responded" and approval is not None and approval.approved is not None:
            yield approval.id, approval.approved, approval.reason or ""


def _cursor(metadata: msgspec.Raw) -> int:
    """The position that the client claims to have; 0 if the claim is missing or malformed."""
    try:
        return msgspec.json.decode(metadata, type=_Metadata).seq if 0 < len(metadata) <= _MOST_METADATA else 0
    except (msgspec.DecodeError, ValueError, RecursionError):
        return 0
