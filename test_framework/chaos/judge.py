"""Judges what clients of a real server were told: nothing lost, doubled, out of order, or of anybody else.

A broken promise is a sentence that begins with its kind: one of ``KINDS``. What the devices noticed on the way
(``Truth.broken``) has words of its own, which ``kind_of`` maps to the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from netra_backend.app.core.events import (
    AgentCompleted,
    AnyEvent,
    StateChanged,
    StepFinished,
    StepStarted,
    ToolCompleted,
    UserMessage,
    decode_event,
)

from ..simulation.judge import faults_of_thread, faults_of_worker
from ..simulation.workers import COUNT, read_plan
from .framework_judge import Run, faults_of_framework_run, faults_of_requests, number_of
from .framework_script import FRAMEWORKS
from .model_server import USER, Asked

KINDS: Final = {
    "lost": "lost (events, answers, runs)",
    "doubled": "doubled after the client rule",
    "order": "out of order",
    "owners": "across users",
    "bytes": "one position, different bytes",
    "runs": "runs not ended exactly once",
    "tools": "tools that acted twice",
    "models": "recorded model requests sent again",
    "other": "other faults",
}
_NOTICED: Final = {"wire": "order", "epochs": "bytes", "rest": "lost", "prefix": "lost"}
_ACTING: Final = frozenset({"charge", "gate"})

Place = tuple[str, str, int]
"""A thread, a run and a position."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody has of a thread: ``frames`` from position ``first`` on."""

    by: str
    thread_id: str
    first: int
    frames: Sequence[bytes]


@dataclass(slots=True)
class Story:
    """One user: ``final`` is what the log holds in the end, by thread; ``accepted`` where each request was accepted, by key
    (none: it was refused); ``seen`` what every device has."""

    user_id: str
    final: dict[str, Seen]
    accepted: dict[str, set[Place]]
    seen: list[Seen] = field(default_factory=list)


def kind_of(broken: str) -> str:
    """The key in ``KINDS`` of a broken promise."""
    word = broken.partition(":")[0]
    word = _NOTICED.get(word, word)
    return word if word in KINDS else "other"


def judge(stories: Sequence[Story], effects: Iterable[tuple[str, int]], asked: Sequence[Asked] = ()) -> list[str]:
    """Every broken promise; empty if there is none. ``effects`` are those of tools that are not idempotent, ``asked`` is what
    the model of frameworks' agents was asked."""
    broken: list[str] = []
    done: set[tuple[str, int]] = set()
    runs: set[str] = set()
    for story in stories:
        told = {thread_id: [decode_event(frame) for frame in final.frames] for thread_id, final in story.final.items()}
        broken += _prefixes(story)
        broken += _requests(story, told)
        broken += _owners(story)
        for thread_id, events in told.items():
            faults = faults_of_thread(((event.run_id, event) for event in events), _faults_of_agent)
            broken += [f"runs: in {thread_id} {fault}" for fault in faults]
            runs |= {event.run_id for event in events}
            done |= set(_acted(events))
            broken += _counted(thread_id, events)
    return [*broken, *_effects(Counter(effects), done, runs), *faults_of_requests(framework_runs(stories), asked)]


def framework_runs(stories: Iterable[Story]) -> list[Run]:
    """The runs of frameworks' agents, with their events in order."""
    runs: dict[str, list[AnyEvent]] = {}
    for story in stories:
        for final in story.final.values():
            for event in map(decode_event, final.frames):
                if event.run_id in runs or (isinstance(event, UserMessage) and event.agent in FRAMEWORKS):
                    runs.setdefault(event.run_id, []).append(event)
    return [(events[0], events) for events in runs.values() if isinstance(events[0], UserMessage)]


def _faults_of_agent(first: UserMessage, events: list[AnyEvent]) -> Iterable[str]:
    of_agent = faults_of_framework_run if first.agent in FRAMEWORKS else faults_of_worker
    return of_agent(first, events)


def _acted(events: Iterable[AnyEvent]) -> Iterator[tuple[str, int]]:
    for event in events:
        if isinstance(event, ToolCompleted) and event.ok and event.tool in _ACTING:
            yield event.run_id, number_of(event.result)


def _counted(thread_id: str, events: Sequence[AnyEvent]) -> Iterator[str]:
    """Each write makes the count one more. A run that is stopped between its write and the event that shows it leaves it."""
    writes = {
        event.call_id for event in events if isinstance(event, StepStarted) and event.name == f"set thread {COUNT}"
    }
    written: dict[str, int] = {}
    values: dict[str, int] = {}
    for event in events:
        if isinstance(event, StepFinished) and event.ok and event.call_id in writes:
            written.setdefault(event.call_id, len(written) + 1)
        elif isinstance(event, StateChanged) and event.key == COUNT:
            values[event.call_id] = event.value
    wanted = {call_id: written.get(call_id) for call_id in values}
    if values != wanted:
        yield f"doubled: the count of {thread_id} went {[*values.values()]} where its writes were {[*wanted.values()]}"
    ended = {event.run_id for event in events if isinstance(event, AgentCompleted)}
    runs = {event.call_id: event.run_id for event in events if isinstance(event, StepStarted)}
    if untold := [call_id for call_id in written if call_id not in values and runs[call_id] in ended]:
        yield f"lost: the count of {thread_id} was written by {untold}, and nobody is told"


def _prefixes(story: Story) -> Iterator[str]:
    for thread_id, final in story.final.items():
        if final.first != 1:
            yield f"lost: {thread_id} begins at {final.first}"
        for place, frame in enumerate(final.frames, final.first):
            if decode_event(frame).seq != place:
                yield f"order: {decode_event(frame).seq} stands at {place} of {thread_id}"
    for seen in story.seen:
        final = story.final.get(seen.thread_id, Seen("", seen.thread_id, 1, ()))
        for place, frame in enumerate(seen.frames, seen.first):
            if place > len(final.frames):
                yield f"lost: {seen.by} has {place} of {seen.thread_id}, which ends at {len(final.frames)}"
                break
            if final.frames[place - 1] != frame:
                yield f"bytes: {seen.by} has something else at {place} of {seen.thread_id}"
                break


def _requests(story: Story, told: dict[str, list[AnyEvent]]) -> Iterator[str]:
    stored: dict[str, list[Place]] = {}
    for thread_id, events in told.items():
        for event in events:
            if isinstance(event, UserMessage):
                stored.setdefault(read_plan(event.text).key, []).append((thread_id, event.run_id, event.seq))
    for key, places in stored.items():
        if len(places) > 1:
            yield f"doubled: {key} started {len(places)} runs"
        if key not in story.accepted:
            yield f"owners: {key} is in a thread of {story.user_id}, who never asked it"
    for key, accepted in story.accepted.items():
        if len(accepted) > 1:
            yield f"doubled: {key} was accepted as {len(accepted)} different runs"
        for place in accepted - set(stored.get(key, ())):
            yield f"lost: {key} was accepted as {place}, and is not there"


def _owners(story: Story) -> Iterator[str]:
    own = story.user_id.encode()
    for seen in (*story.final.values(), *story.seen):
        for frame in seen.frames:
            if any(found != own for found in USER.findall(frame)):
                yield f"owners: {seen.by} of {story.user_id} has something of another user in {seen.thread_id}"
                break


def _effects(effects: Counter[tuple[str, int]], done: set[tuple[str, int]], runs: set[str]) -> Iterator[str]:
    for (run_id, number), times in effects.items():
        if times > 1:
            yield f"tools: step {number} of {run_id} acted {times} times"
        if run_id not in runs:
            yield f"lost: {run_id} acted, and is in no thread"
    for run_id, number in done - effects.keys():
        yield f"lost: step {number} of {run_id} is told as done, and did nothing"
