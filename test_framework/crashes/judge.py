"""Whether a run that was interrupted kept every promise: each effect once, or told unknown where that is right; no recorded
request again; one end; nothing swapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..websocket_client import TERMINAL_EVENTS, Frame

UNKNOWN: Final = "OUTCOME_UNKNOWN"
AGAIN: Final = "~"
"""Begins the line of an effect that may be had again."""

_BEGINS: Final = frozenset({"tool_executing", "step_started"})
_ENDS: Final = frozenset({"tool_completed", "step_finished"})


@dataclass(frozen=True, slots=True)
class Told:
    """What there is of one run. ``committed`` of its ``events`` were in the log when the server ended. ``effects`` are its
    effects outside, and ``prompts`` what its model was asked, before that and after."""

    events: Sequence[Frame]
    committed: int
    effects: tuple[Sequence[str], Sequence[str]] = ((), ())
    prompts: tuple[Sequence[str], Sequence[str]] = ((), ())

    def unknown(self) -> list[Frame]:
        """The events that tell that an outcome is unknown."""
        return [event for event in self.events if (event.get("error") or {}) and _code(event) == UNKNOWN]

    def once(self) -> Counter[str]:
        """The effects that are to be had once, and how often they were."""
        return Counter(name for part in self.effects for name in part if not name.startswith(AGAIN))


def judge(run: Told, reference: Told, *, same_results: bool) -> Iterator[str]:
    """Every broken promise, as a sentence. ``reference`` is the same request without an interruption."""
    yield from _ends(run)
    yield from _unknown(run)
    yield from _effects(run, reference)
    yield from _requests(run)
    if same_results:
        yield from _results(run, reference)


def _ends(run: Told) -> Iterator[str]:
    ends = [event["type"] for event in run.events if event["type"] in TERMINAL_EVENTS]
    if len(ends) != 1 or run.events[-1]["type"] not in TERMINAL_EVENTS:
        yield f"the run ended {len(ends)} times: {ends}"
    positions = [event["seq"] for event in run.events]
    if positions != list(range(1, len(positions) + 1)):
        yield f"the positions have holes: {positions}"


def _unknown(run: Told) -> Iterator[str]:
    """An outcome is unknown only of what had begun, and whose end was not recorded, when the server ended."""
    open_calls = _open_calls(run.events[: run.committed])
    for event in run.unknown():
        if event["call_id"] not in open_calls:
            yield f"the outcome of {event['call_id']} was known, and is told as unknown"


def _open_calls(events: Sequence[Frame]) -> set[str]:
    begun: set[str] = set()
    for event in events:
        if event["type"] in _BEGINS and event.get("kind") != "agent":
            begun.add(event["call_id"])
        elif event["type"] in _ENDS:
            begun.discard(event["call_id"])
    return begun


def _effects(run: Told, reference: Told) -> Iterator[str]:
    had, wanted, unknown = run.once(), reference.once(), run.unknown()
    for name, times in had.items():
        if times > wanted.get(name, 1):
            yield f"{name} took effect {times} times"
    if not unknown and (missing := wanted - had):
        yield f"these effects are missing, and nothing is told as unknown: {sorted(missing.elements())}"
    begun = Counter(name for name in run.effects[1] if name.startswith(AGAIN))
    for name, times in begun.items():
        if times > Counter(reference.effects[0]).get(name, 1):
            yield f"{name} took effect {times} times after the restart"


def _requests(run: Told) -> Iterator[str]:
    """A model is asked once for each attempt that is recorded as begun, and never again for what was answered."""
    before, after = run.events[: run.committed], run.events[run.committed :]
    answered = {event["call_id"] for event in before if event["type"] == "model_completed"}
    for event in after:
        if event["type"] == "model_started" and event["call_id"] in answered:
            yield f"the model was asked again for {event['call_id']}, whose answer was recorded"
    for prompts, begun, when in zip(run.prompts, (before, after), ("before", "after"), strict=True):
        recorded = sum(event["type"] == "model_started" for event in begun)
        if len(prompts) > recorded:
            yield f"the model was asked {len(prompts)} times {when} the restart, and {recorded} are recorded: {list(prompts)}"


def _results(run: Told, reference: Told) -> Iterator[str]:
    """What came of each step is what came of it without the interruption."""
    if run.unknown():
        return
    mine, theirs = dict(_outcomes(run.events)), dict(_outcomes(reference.events))
    for key in mine.keys() & theirs.keys():
        if mine[key] != theirs[key]:
            yield f"{key} came to {mine[key]!r}, and without the restart to {theirs[key]!r}"
    if mine.keys() != theirs.keys():
        yield f"other steps than without the restart: {sorted(mine.keys() ^ theirs.keys())}"


def _outcomes(events: Sequence[Frame]) -> Iterator[tuple[str, Any]]:
    """Each step's key, and what is shown of its outcome."""
    keys: dict[str, str] = {}
    texts: dict[str, list[tuple[int, str]]] = {}
    for event in events:
        kind = event["type"]
        if event.get("step"):
            keys[event.get("call_id") or event["step"]] = event["step"]
        if kind == "tool_completed":
            yield keys[event["call_id"]], (event["ok"], event.get("result"), _code(event))
        elif kind == "step_finished" and not (event.get("error") or {}).get("retried"):
            recorded = event.get("recorded") or {}
            yield keys[event["call_id"]], (event["ok"], recorded.get("ref"), _code(event))
        elif kind == "agent_delta":
            texts.setdefault(event["call_id"], []).append((event["attempt"], event["text"]))
        elif kind == "model_completed":
            said = "".join(text for attempt, text in texts.get(event["call_id"], ()) if attempt == event["attempt"])
            yield keys[event["call_id"]], (event["finish_reason"], said)
        elif kind in TERMINAL_EVENTS:
            yield "the end", (kind, event.get("result"), event.get("error"))


def _code(event: Frame) -> Any:
    error = event.get("error")
    return error.get("code") if isinstance(error, dict) else error
