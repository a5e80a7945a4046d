"""What of a run's events is its answer, piece by piece: what is thought, what is said, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from .. import events
from .streamed_texts import StreamedText, streamed_as

PARAGRAPH: Final = "\n\n"


@dataclass(frozen=True, slots=True)
class Began:
    """The request was stored at ``ts`` (ms since 1970 UTC), for this agent."""

    agent: str
    ts: int


@dataclass(frozen=True, slots=True)
class Thought:
    """What happens on the way, to be shown apart from the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """The next part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The run ended well."""

    reason: str
    usage: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """The run failed, or was stopped: ``error`` is an id of the catalogue, or ``cancelled``."""

    error: str
    message: str


Piece = Began | Thought | Said | Finished | Broken


@dataclass(slots=True)
class Answer:
    """Takes the events of one run in their order, each once; those of others are passed over. Texts of agents that the run's
    agent asks are thoughts, unless it ``relays`` them: then what they say is the answer."""

    run_id: str
    relays: bool = False
    is_over: bool = False
    _messages: dict[str, StreamedText] = field(default_factory=dict)
    _has_spoken: bool = False

    def take(self, event: events.AnyEvent) -> Iterator[Piece]:
        """The pieces that this event brings."""
        if isinstance(event, events.OtherEvent) or event.run_id != self.run_id or self.is_over:
            return
        match event:
            case events.UserMessage():
                yield Began(event.agent, event.ts)
            case events.AgentThinking():
                yield Thought(f"{event.text}\n")
            case events.ToolExecuting():
                yield Thought(f"{event.tool} …\n")
            case events.ToolCompleted(error=error):
                fault = f": {error.get('message', '')}" if error else ""
                yield Thought(f"{event.tool} {'✓' if event.ok else '✗'}{fault}\n")
            case events.ApprovalRequested():
                yield Thought(f"{event.tool} waits for your approval ({event.approval_id}).\n")
            case events.QuestionAsked():
                yield Thought(f"{event.text}\nThe agent waits for your answer ({event.question_id}).\n")
            case events.AgentDelta():
                yield from self._delta(event)
            case events.AgentCompleted():
                yield from self._result(event)
                self.is_over = True
                yield Finished(event.finish_reason, event.usage)
            case events.AgentFailed():
                self.is_over = True
                yield Broken(event.error, event.message)
            case events.AgentCancelled():
                self.is_over = True
                yield Broken("cancelled", f"The run was stopped by {event.by}.")

    def _delta(self, event: events.AgentDelta) -> Iterator[Piece]:
        if event.kind == "reasoning" or (not event.kind and event.parent_call_id and not self.relays):
            yield Thought(event.text)
        elif not event.kind and event.text:
            message = self._messages.setdefault(event.message_id or event.call_id, StreamedText())
            message.add(event.attempt, event.text)
            yield from self._say(message)

    def _result(self, event: events.AgentCompleted) -> Iterator[Piece]:
        text = event.result.get("text")
        if isinstance(text, str) and text:
            name = streamed_as(self._messages, event.message_id or event.run_id, text)
            message = self._messages.setdefault(name, StreamedText())
            message.text = text
            yield from self._say(message)

    def _say(self, message: StreamedText) -> Iterator[Piece]:
        news = message.news()
        if news is not None:
            yield Said(PARAGRAPH + news.text if self._has_spoken and not news.goes_on else news.text)
            self._has_spoken = True
