"""A run's recorded steps, read back from its own events.

The engine asks the journal before each step. ``Recorded``: it happened, here is what came of it, nothing is done again.
``Perform``: it did not happen yet. ``Unknown``: it was begun and its end was not recorded. ``Diverged``: the agent asks for
something else than what was recorded, so its function is not deterministic; the run ends as failed.

Steps are found by their keys (``core.step_keys``). Runs that began under journal 1 recorded none: theirs are found by their
order, which is right as long as an agent begins one step after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import msgspec

from .asks import Ask, ModelCall, OwnStep, Question, Saying, Thought, ToolCall, ask_of, hidden_key, is_hidden, is_same
from .blobs import BlobRef
from .events import (
    AgentDelta,
    AgentStarted,
    AgentThinking,
    AnyEvent,
    ApprovalRequested,
    ApprovalResolved,
    Event,
    ModelCompleted,
    ModelStarted,
    OtherEvent,
    QuestionAnswered,
    QuestionAsked,
    RunQueued,
    RunResumed,
    RunSuperseded,
    RunSuspended,
    SecretUsed,
    StateChanged,
    StepFinished,
    StepRecorded,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
)

VERSION: Final = 2
"""What a run that begins now records in its ``agent_started``."""

CANCELLED: Final = "CANCELLED"
"""The code of what the agent itself broke off, and the ``finish_reason`` of such a model request, in lower case."""

RECORD: Final = "record"
"""The kind of the steps that a framework has recorded at once (``step_recorded``)."""

MOST_BEGINNINGS: Final = 3
"""How often a run is begun without getting further than the time before."""

_Call = ToolExecuting | ApprovalRequested | ModelStarted | StepStarted | QuestionAsked


class RecordedReply(msgspec.Struct, frozen=True):
    """What a model answered, as it was shown."""

    text: str
    usage: dict[str, Any]
    error: str | None = None
    recorded: BlobRef | None = None


class Recorded(msgspec.Struct, frozen=True):
    """It happened: what came of a tool call, a model request, a step, a question; nothing for the others. ``cancelled``: the
    agent broke it off, and will again. ``told``: that it changed a value stands in the log, too."""

    call_id: str = ""
    completed: ToolCompleted | None = None
    reply: RecordedReply | None = None
    finished: StepFinished | None = None
    cancelled: bool = False
    answered: QuestionAnswered | None = None
    told: bool = False


class Perform(msgspec.Struct, frozen=True):
    """It did not happen. ``attempt`` is above 1 where a model call or an idempotent step was cut off."""

    call_id: str = ""
    attempt: int = 1


class Unknown(msgspec.Struct, frozen=True):
    """A tool call or a step was begun ``attempt`` times; its end was not recorded. ``approval`` is the request that it waits or
    waited for, ``question`` the one that has no answer; ``wake_ms`` is when a pause ends."""

    call_id: str
    approval: ApprovalRequested | None = None
    resolved: ApprovalResolved | None = None
    executing: bool = False
    attempt: int = 1
    question: QuestionAsked | None = None
    wake_ms: int = 0


class Diverged(msgspec.Struct, frozen=True):
    """``recorded`` is what the journal holds in the place of what was asked."""

    recorded: str


Answer = Recorded | Perform | Unknown | Diverged


class _Step:
    __slots__ = (
        "answered",
        "approval",
        "ask",
        "attempt",
        "call_id",
        "completed",
        "executing",
        "fingerprint",
        "finished",
        "key",
        "model",
        "parts",
        "question",
        "resolved",
        "told",
        "wake_ms",
    )

    def __init__(self, ask: Ask, key: str, call_id: str = "", fingerprint: str = "") -> None:
        self.ask = ask
        self.fingerprint = fingerprint
        self.key = key
        self.call_id = call_id
        self.attempt = 1
        self.completed: ToolCompleted | None = None
        self.finished: StepFinished | None = None
        self.model: ModelCompleted | None = None
        self.parts: list[AgentDelta] = []
        self.approval: ApprovalRequested | None = None
        self.resolved: ApprovalResolved | None = None
        self.question: QuestionAsked | None = None
        self.answered: QuestionAnswered | None = None
        self.executing = False
        self.told = False
        self.wake_ms = 0


SAY_CALL: Final = "say"
"""In journal 1: the ``call_id`` prefix of parts that the agent said itself."""

_PREFIXES: Final = {ToolCall: "call", ModelCall: "model", Saying: SAY_CALL, OwnStep: "step", Question: "ask"}


class Journal:
    """The steps of one run. A new run's journal is empty and answers ``Perform`` to everything. ``code`` is the version of the
    code that recorded them.

    ``live_attempt`` is the attempt of what the agent streams outside of its steps. ``beginnings`` counts how often the run was
    begun since it last got further. ``remembered`` are the tools that the user has approved for the rest of the run,
    ``secrets`` the names of those that the run was given.
    """

    __slots__ = (
        "_calls",
        "_has_hidden",
        "_run_id",
        "_steps",
        "beginnings",
        "code",
        "is_resumed",
        "live_attempt",
        "remembered",
        "secrets",
        "started",
        "version",
    )

    def __init__(self, run_id: str, events: Collection[AnyEvent] = ()) -> None:
        self.started = 0
        self.is_resumed = bool(events)
        self.code = ""
        self.version = VERSION
        self.live_attempt = 1
        self.beginnings = 1
        self.remembered: set[str] = set()
        self.secrets: set[str] = set()
        self._run_id = run_id
        self._calls = 0
        self._has_hidden = False
        self._steps: dict[str, _Step] = {}
        if not events:
            return
        calls: dict[str, _Step] = {}
        for event in events:
            if self._read(event, calls):
                self.beginnings = 1
        if self.version > 1:
            self._calls = max((int(call_id.rpartition(":")[2]) for call_id in calls), default=0)

    def _read(self, event: AnyEvent, calls: dict[str, _Step]) -> bool:
        """Whether the run got further by this event."""
        if isinstance(event, RunResumed):
            self.beginnings += 1
            return False
        if isinstance(event, AgentStarted):
            self.started = event.seq
            self.version, self.code = event.journal, event.agent_version
        elif isinstance(event, AgentThinking):
            self._begin(_Step(Thought(event.text), event.step, fingerprint=event.fingerprint))
        elif isinstance(event, ToolExecuting):
            self._call(event, calls).executing = True
        elif isinstance(event, ApprovalRequested):
            self._call(event, calls).approval = event
        elif isinstance(event, ApprovalResolved):
            for step in calls.values():
                if step.approval is not None and step.approval.approval_id == event.approval_id:
                    step.resolved = event
                    if event.remember:
                        self.remembered.add(step.approval.tool)
        elif isinstance(event, QuestionAsked):
            self._call(event, calls).question = event
        elif isinstance(event, QuestionAnswered):
            for step in calls.values():
                if step.question is not None and step.question.question_id == event.question_id:
                    step.answered = event
        elif isinstance(event, ToolCompleted):
            calls[event.call_id].completed = event
        elif isinstance(event, ModelStarted):
            self._call(event, calls).attempt = event.attempt
            return event.attempt == 1
        elif isinstance(event, AgentDelta):
            return self._read_part(event, calls)
        elif isinstance(event, ModelCompleted):
            calls[event.call_id].model = event
        elif isinstance(event, StepStarted):
            step = self._call(event, calls)
            step.attempt, step.wake_ms = event.attempt, event.wake_ms
            return event.attempt == 1
        elif isinstance(event, StepFinished):
            calls[event.call_id].finished = event if event.ok or not _is_retried(event) else None
        elif isinstance(event, StepRecorded):
            step = self._begin(_Step(OwnStep(RECORD, event.name), event.step, event.call_id))
            step.finished = StepFinished(*_place(event), event.call_id, True, 0, recorded=event.recorded)
            calls[event.call_id] = step
        elif isinstance(event, SecretUsed):
            self.secrets.add(event.name)
        elif isinstance(event, StateChanged):
            calls[event.call_id].told = True
        return not isinstance(event, OtherEvent | UserMessage | RunSuperseded | RunQueued)

    def _call(self, event: _Call, calls: dict[str, _Step]) -> _Step:
        step = calls.get(event.call_id)
        if step is None:
            ask = ask_of(event)
            assert ask is not None
            step = calls[event.call_id] = self._begin(_Step(ask, event.step, event.call_id, event.fingerprint))
        return step

    def _read_part(self, event: AgentDelta, calls: dict[str, _Step]) -> bool:
        step = calls.get(event.call_id)
        if step is None and event.call_id == self.live_call_id:
            self.live_attempt = event.attempt + 1
            return event.attempt == 1
        if step is None:
            said = bool(event.step) or event.call_id.startswith(SAY_CALL)
            ask = Saying(event.text) if said else ModelCall()
            step = calls[event.call_id] = self._begin(_Step(ask, event.step, event.call_id, event.fingerprint))
        step.attempt = event.attempt
        step.parts.append(event)
        return event.attempt == 1

    def _begin(self, step: _Step) -> _Step:
        self._steps[step.key or f"{len(self._steps)}"] = step
        self._has_hidden = self._has_hidden or is_hidden(step.key)
        return step

    # --- what the engine asks ---------------------------------------------------------------------------------------

    @property
    def live_call_id(self) -> str:
        """The ``call_id`` of what the agent streams outside of its steps."""
        return f"{self._run_id}:0"

    def next(self, key: str, ask: Ask) -> Answer:
        """What is known of the step that the agent asks for under this key."""
        step = self._found(key) if self._steps else None
        if step is None:
            return Perform(self._new_call_id(ask))
        if not is_same(step.ask, ask, self._run_id, step.fingerprint):
            return Diverged(repr(step.ask)[:200])
        if self.version == 1 and type(ask) is not Thought:
            self._calls += 1
        return _answer(step, ask)

    def _found(self, key: str) -> _Step | None:
        if self.version == 1:
            return self._steps.pop(next(iter(self._steps)))
        step = self._steps.pop(key, None)
        if step is None and self._has_hidden:
            step = self._steps.pop(hidden_key(self._run_id, key), None)
        return step

    def _new_call_id(self, ask: Ask) -> str:
        if type(ask) is Thought:
            return ""
        self._calls += 1
        return f"{self._run_id}:{self._calls}" if self.version > 1 else f"{_PREFIXES[type(ask)]}_{self._calls}"

    def kept(self, name: str) -> dict[str, BlobRef]:
        """What was recorded at once under this name, in its order, by its keys; it counts as asked for."""
        found = {key: step.finished for key, step in self._steps.items() if step.ask == OwnStep(RECORD, name)}
        for key in found:
            del self._steps[key]
        return {key: each.recorded for key, each in found.items() if each is not None and each.recorded is not None}

    def pass_over(self, is_done: Callable[[str], bool]) -> list[tuple[str, RecordedReply]]:
        """Count the steps with these keys as asked for: what they came to is part of what a framework goes on from. Of those that
        were model requests, their calls and what they came to, in their order."""
        passed = [self._steps.pop(key) for key in [key for key in self._steps if is_done(key)]]
        replies = [(step.call_id, _reply(step)) for step in passed if type(step.ask) is ModelCall]
        return [(call_id, reply) for call_id, reply in replies if reply is not None]

    @property
    def is_empty(self) -> bool:
        """Whether no step is recorded that was not asked for yet."""
        return not self._steps

    def unasked(self) -> str | None:
        """The key of a step that was recorded and that the agent never asked for. Journal 1 does not say."""
        return next(iter(self._steps)) if self._steps and self.version > 1 else None


def parked_until(events: Sequence[AnyEvent]) -> int:
    """When a run of these events goes on (ms since 1970 UTC), if it was left until then; else 0."""
    last = events[-1] if events else None
    return last.wake_ms if isinstance(last, RunSuspended) else 0


def _place(event: Event) -> tuple[str, str, int, int]:
    return event.thread_id, event.run_id, event.seq, event.ts


def _is_retried(event: StepFinished) -> bool:
    return event.error is not None and bool(event.error.get("retried"))


def _answer(step: _Step, ask: Ask) -> Answer:
    call_id = step.call_id
    if isinstance(ask, ToolCall):
        if step.completed is not None:
            error = step.completed.error or {}
            return Recorded(call_id, completed=step.completed, cancelled=error.get("code") == CANCELLED)
        return Unknown(call_id, step.approval, step.resolved, step.executing)
    if isinstance(ask, ModelCall):
        reply = _reply(step)
        if reply is None:
            return Perform(call_id, step.attempt + 1)
        cancelled = step.model is not None and step.model.finish_reason == CANCELLED.lower()
        return Recorded(call_id, reply=reply, cancelled=cancelled)
    if isinstance(ask, Question):
        if step.answered is None:
            return Unknown(call_id, question=step.question)
        return Recorded(call_id, answered=step.answered, cancelled=step.answered.by == "agent")
    if isinstance(ask, OwnStep):
        if step.finished is None:
            return Unknown(call_id, attempt=step.attempt, wake_ms=step.wake_ms)
        error = step.finished.error or {}
        cancelled = error.get("code") == CANCELLED
        return Recorded(call_id, finished=step.finished, cancelled=cancelled, told=step.told)
    return Recorded(call_id)


def _reply(step: _Step) -> RecordedReply | None:
    if step.model is not None:
        attempt = step.model.attempt
        text = "".join(part.text for part in step.parts if part.attempt == attempt and not part.kind)
        return RecordedReply(text, step.model.usage or {}, step.model.error, step.model.recorded)
    last = step.parts[-1] if step.parts else None
    if last is None or not last.done:
        return None
    text = "".join(part.text for part in step.parts if part.attempt == last.attempt)
    return RecordedReply(text, last.usage or {}, last.error)
