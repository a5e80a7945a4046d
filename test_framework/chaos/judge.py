"""Judges what clients of a real server were told: nothing lost, doubled, out of order, or of anybody else.

A broken promise is a sentence that begins with its kind: one of ``KINDS``. What the devices noticed on the way
(``Truth.broken``) has words of its own, which ``kind_of`` maps to the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from netra_backend.app.core.events import AnyEvent, ToolCompleted, UserMessage, decode_event

from ..simulation.judge import faults_of_thread
from ..simulation.workers import read_plan

KINDS: Final = {
    "lost": "lost (events, answers, runs)",
    "doubled": "doubled after the client rule",
    "order": "out of order",
    "owners": "across users",
    "bytes": "one position, different bytes",
    "runs": "runs not ended exactly once",
    "tools": "tools that acted twice",
    "other": "other faults",
}
_NOTICED: Final = {"wire": "order", "epochs": "bytes", "rest": "lost", "prefix": "lost"}
_ACTING: Final = frozenset({"charge", "gate"})
_USER: Final = re.compile(rb"user_[0-9a-f]{32}")

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


def judge(stories: Iterable[Story], effects: Iterable[tuple[str, int]]) -> list[str]:
    """Every broken promise; empty where there is none. ``effects`` are those of tools that are not idempotent."""
    broken: list[str] = []
    done: set[tuple[str, int]] = set()
    runs: set[str] = set()
    for story in stories:
        told = {thread_id: [decode_event(frame) for frame in final.frames] for thread_id, final in story.final.items()}
        broken += _prefixes(story)
        broken += _requests(story, told)
        broken += _owners(story)
        for thread_id, events in told.items():
            faults = faults_of_thread((event.run_id, event) for event in events)
            broken += [f"runs: in {thread_id} {fault}" for fault in faults]
            runs |= {event.run_id for event in events}
            done |= set(_acted(events))
    return [*broken, *_effects(Counter(effects), done, runs)]


def _acted(events: Iterable[AnyEvent]) -> Iterator[tuple[str, int]]:
    for event in events:
        if isinstance(event, ToolCompleted) and event.ok and event.tool in _ACTING:
            yield event.run_id, event.result["number"]


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
            if any(found != own for found in _USER.findall(frame)):
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
