"""Judges a simulation afterwards: were all promises kept, whatever happened?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from netra_backend.app.core.events import (
    TERMINAL,
    AgentCancelled,
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    AgentStarted,
    AgentThinking,
    AnyEvent,
    ModelCompleted,
    QuestionAnswered,
    QuestionAsked,
    RunQueued,
    RunResumed,
    RunSuspended,
    StepFinished,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
    decode_event,
)

from .views import View
from .workers import ASIDE, COUNT, Cashier, Plan, read_plan

if TYPE_CHECKING:
    from .world import World

FaultsOfAgent = Callable[[UserMessage, list[AnyEvent]], Iterable[str]]
"""What is wrong with what the agent of a run did, given its request and all of its events."""

_Taken = tuple[str, str]
EXPECTED_FAILURES: Final = frozenset({"agent_crashed"})
"""A run that is killed again and again is given up."""

_OF_WAITING_RUNS: Final = (UserMessage, RunQueued, AgentCancelled, AgentFailed)
"""What is told of a run that does not go on: it waits for its thread, or ends there."""
_TOOLS: Final = frozenset({"look", "charge", "gate"})


def judge(world: World) -> list[str]:
    """Every broken promise, those noticed on the way first; empty where there is none."""
    return [
        *world.truth.broken,
        *_prefixes(world),
        *_runs(world),
        *_requests(world),
        *_other_users(world),
    ]


def _prefixes(world: World) -> Iterator[str]:
    """What a device has of a history is a part of it without holes, byte for byte."""
    for device in world.devices:
        for view in (*device.archive, *device.views.values()):
            histories = [
                history
                for (thread_id, epoch), history in world.truth.histories.items()
                if thread_id == view.thread_id and view.epoch in (None, epoch)
            ]
            if view.frames and not any(_is_part(view, history) for history in histories):
                yield f"prefix: {device.name} has something else of {view.thread_id} than happened"


def _is_part(view: View, history: dict[int, bytes]) -> bool:
    return all(history.get(seq) == frame for seq, frame in enumerate(view.frames, view.first))


def _runs(world: World) -> Iterator[str]:
    """Every run ends once, took its steps in order and once each, and had its thread to itself."""
    for thread in world.store.threads.values():
        if not thread.owner:
            continue
        told = [(run_id, decode_event(frame)) for run_id, frame in thread.rows]
        yield from (f"runs: {fault}" for fault in faults_of_thread(told))
        for run_id, event in told:
            if isinstance(event, UserMessage) and not world.store.runs[run_id].ended_seq:
                yield f"runs: {run_id} is stored as unfinished"


def faults_of_thread(told: Iterable[tuple[str, AnyEvent]], of_agent: FaultsOfAgent | None = None) -> Iterator[str]:
    """What is wrong with the runs of one thread, given as (run id, event) in order. ``of_agent`` says what is wrong with what
    the agent of a run did; by default it is a worker."""
    runs: dict[str, list[AnyEvent]] = {}
    going_on = ""
    for run_id, event in told:
        runs.setdefault(run_id, []).append(event)
        is_cut_off = not isinstance(runs[run_id][0], UserMessage)
        if is_cut_off and not going_on and not isinstance(event, _OF_WAITING_RUNS):  # it went on before what is kept
            going_on = run_id
        if isinstance(event, AgentStarted) and going_on not in ("", run_id):
            yield f"{run_id} began while {going_on} went on"
        if isinstance(event, AgentStarted | RunResumed):
            going_on = run_id
        elif not isinstance(event, _OF_WAITING_RUNS) and going_on != run_id:
            yield f"{run_id} went on ({type(event).__name__}) while {going_on or 'none'} did"
        elif going_on == run_id and (
            isinstance(event, TERMINAL) or (isinstance(event, RunSuspended) and event.wake_ms)
        ):
            going_on = ""  # it has ended, or is parked
    for run_id, events in runs.items():
        first = events[0]
        if isinstance(first, UserMessage):  # else its beginning was cut off
            yield from (f"{run_id} {fault}" for fault in _faults_of_run(events))
            yield from (f"{run_id} {fault}" for fault in (of_agent or faults_of_worker)(first, events))


def _faults_of_run(events: list[AnyEvent]) -> Iterator[str]:
    """What no run of any agent may show."""
    ends = [event for event in events if isinstance(event, TERMINAL)]
    if len(ends) != 1 or events[-1] is not ends[0]:
        yield f"ended {len(ends)} times"
    if sum(isinstance(event, AgentStarted) for event in events) > 1:
        yield "started twice"
    yield from _faults_of_questions(events)
    yield from _faults_of_pauses(events)
    called = [event.call_id for event in events if isinstance(event, ToolExecuting)]
    answered = [event.call_id for event in events if isinstance(event, ToolCompleted)]
    if len({*answered}) != len(answered) or not {*answered} <= {*called}:
        yield f"called {called} and answered {answered}"
    if isinstance(events[-1], AgentCompleted) and {*answered} != {*called}:
        yield "completed without an end of every call"


def faults_of_worker(first: UserMessage, events: list[AnyEvent]) -> Iterator[str]:
    """What is wrong with what a worker did that ``first`` asked."""
    plan = read_plan(first.text)
    taken, planned = list(_steps_taken(events)), list(_steps_planned(plan))
    if not _is_in_order(taken, planned):
        yield f"took the steps {taken} of {plan.steps}"
    last = events[-1]
    if isinstance(last, AgentCompleted):
        if len(taken) != sum(map(len, planned)):
            yield "completed without taking every step"
        answered = [event.answer for event in events if isinstance(event, QuestionAnswered)]
        came = [each for each in last.result.get("data", {}).get("came", []) if isinstance(each, str) and "=" in each]
        if came != answered:
            yield f"got {came} where {answered} was answered"
    if isinstance(last, AgentFailed) and "boom" not in plan.steps and last.error not in EXPECTED_FAILURES:
        yield f"failed: {last.error}: {last.message}"


def _is_in_order(taken: list[_Taken], planned: list[list[_Taken]]) -> bool:
    """Whether what was taken is the beginning of the plan; what is planned side by side, in any order."""
    left = list(taken)
    for group in planned:
        here, left = left[: len(group)], left[len(group) :]
        if Counter(here) - Counter(group):
            return False
    return not left


def _faults_of_questions(events: list[AnyEvent]) -> Iterator[str]:
    """Each is asked once and answered once."""
    asked = [event.question_id for event in events if isinstance(event, QuestionAsked)]
    answered = {event.question_id: event.answer for event in events if isinstance(event, QuestionAnswered)}
    answers = sum(isinstance(event, QuestionAnswered) for event in events)
    if len({*asked}) != len(asked) or len(answered) != answers or not answered.keys() <= {*asked}:
        yield f"asked {asked} and was answered {answers} times"


def _faults_of_pauses(events: list[AnyEvent]) -> Iterator[str]:
    """Each ends once, and not ahead of its time."""
    wake_ms = {event.call_id: event.wake_ms for event in events if isinstance(event, StepStarted) and event.wake_ms}
    ends = [event for event in events if isinstance(event, StepFinished) and event.call_id in wake_ms and event.ok]
    if len({each.call_id for each in ends}) != len(ends) or any(each.ts < wake_ms[each.call_id] for each in ends):
        yield f"slept until {[each.ts for each in ends]} instead of {list(wake_ms.values())}"


def _steps_taken(events: Iterable[AnyEvent]) -> Iterator[tuple[str, str]]:
    """(kind, text) of each step as it was shown; of a model call only once it was whole."""
    said: dict[str, str] = {}
    attempts: dict[str, int] = {}
    for event in events:
        if isinstance(event, AgentThinking):
            yield "think", event.text
        elif isinstance(event, QuestionAsked):
            yield "ask", event.text
        elif isinstance(event, ToolExecuting):
            yield event.tool, str(event.arguments.get("number"))
        elif isinstance(event, StepStarted) and event.attempt == 1:
            yield ("nap", "") if event.wake_ms else ("step", event.name)
        elif isinstance(event, AgentDelta):
            if event.attempt != attempts.get(event.call_id):
                attempts[event.call_id] = event.attempt
                said[event.call_id] = ""
            said[event.call_id] += event.text
            if event.step:
                yield "say", event.text
        elif isinstance(event, ModelCompleted):
            yield "model", said.get(event.call_id, "")


def _steps_planned(plan: Plan) -> Iterator[list[_Taken]]:
    """In their order; those of one list are taken side by side."""
    for number, step in enumerate(plan.steps):
        beside = number + ASIDE
        if step == "pair":
            yield [("charge", str(number)), ("look", str(beside)), ("step", f"mark-{number}")]
        elif step == "models":
            yield [("model", plan.text(number)), ("model", plan.text(beside))]
        elif step == COUNT:
            yield [("step", f"get thread {COUNT}")]
            yield [("step", f"set thread {COUNT}")]
        elif step == "delegate":
            yield [("step", Cashier.name)]
            yield [("charge", str(number))]
        elif step == "lines":
            yield [(tool, str(each)) for tool in ("look", "charge") for each in (number, beside)]
        else:
            yield [(step, "" if step == "nap" else str(number) if step in _TOOLS else plan.text(number))]


def _requests(world: World) -> Iterator[str]:
    """Every accepted request is there exactly once, and every other one at most once."""
    stored: dict[str, list[tuple[str, str, int]]] = {}
    for thread in world.store.threads.values():
        for seq, (run_id, frame) in enumerate(thread.rows, thread.oldest):
            event = decode_event(frame)
            if isinstance(event, UserMessage):
                stored.setdefault(read_plan(event.text).key, []).append((thread.thread_id, run_id, seq))
    for user in world.users:
        for key, command in user.commands.items():
            here = stored.get(key, [])
            if len(here) > 1:
                yield f"requests: {key} started {len(here)} runs"
            answers = {
                answer[1:]
                for answer in command.accepted
                if answer[0] == world.truth.era and not _is_deleted(world, answer[1])
            }
            if len(answers) > 1:
                yield f"requests: {key} was accepted as {len(answers)} different runs"
            for thread_id, run_id, seq in answers:
                if world.truth.owners.get(thread_id) != user.user_id:
                    yield f"owners: {key} was accepted in {thread_id}, which is another user's"
                kept = world.store.threads.get(thread_id)
                was_cut_off = kept is not None and seq < kept.oldest
                if (thread_id, run_id, seq) not in here and not was_cut_off:
                    yield f"requests: {key} was accepted as {run_id} at {seq} of {thread_id}, and is not there"


def _is_deleted(world: World, thread_id: str) -> bool:
    thread = world.store.threads.get(thread_id)
    return thread is not None and thread.owner == ""


def _other_users(world: World) -> Iterator[str]:
    """Nothing that a device has speaks of another user."""
    for device in world.devices:
        others = [f"{user.user_id}/".encode() for user in world.users if user is not device.user]
        others += [f'"{user.user_id}"'.encode() for user in world.users if user is not device.user]
        for view in (*device.archive, *device.views.values()):
            for frame in view.frames:
                if any(other in frame for other in others):
                    yield f"owners: {device.name} has something of another user in {view.thread_id}"
