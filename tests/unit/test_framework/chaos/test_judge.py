"""The judge of real servers finds each thing that is not as it should be, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.core.events import (
    AgentCancelled,
    AgentCompleted,
    AgentStarted,
    StateChanged,
    StepFinished,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
    UserMessage,
    decode_event,
    encode_event,
)
from test_framework.chaos.judge import KINDS, Seen, Story, _counted, judge, kind_of
from test_framework.simulation.workers import Plan

USER, OTHER, RUN, THREAD = "user_" + "1" * 32, "user_" + "2" * 32, "run_1", "thr_1"
PLAN = Plan("key-1", USER, ("charge",))


def _frames() -> list[bytes]:
    place: dict[str, Any] = {"thread_id": THREAD, "run_id": RUN, "ts": 1}
    arguments = {"number": 0}
    return [
        encode_event(event)
        for event in (
            UserMessage(seq=1, request_id="req_1", agent="worker", text=PLAN.encoded(), **place),
            AgentStarted(seq=2, agent="worker", request_id="req_1", **place),
            ToolExecuting(seq=3, call_id="c1", tool="charge", arguments=arguments, **place),
            ToolCompleted(
                seq=4, call_id="c1", tool="charge", ok=True, elapsed_ms=1, result={"user": USER, **arguments}, **place
            ),
            AgentCompleted(seq=5, result={}, usage={}, elapsed_ms=1, **place),
        )
    ]


class Case:
    """One user with one device, and one effect."""

    def __init__(self) -> None:
        self.final, self.seen = _frames(), _frames()
        self.accepted = {"key-1": {(THREAD, RUN, 1)}}
        self.effects = [(RUN, 0)]
        self.first = 1

    def broken(self) -> list[str]:
        final = {THREAD: Seen("reader", THREAD, self.first, self.final)}
        return judge([Story(USER, final, self.accepted, [Seen("d", THREAD, 1, self.seen)])], self.effects)


def _seen_and_gone(case: Case) -> None:
    del case.final[4:]


def _accepted_and_gone(case: Case) -> None:
    case.accepted["key-2"] = {(THREAD, "run_2", 6)}


def _beginning_gone(case: Case) -> None:
    case.first = 2


def _acted_and_gone(case: Case) -> None:
    case.effects.append(("run_2", 0))


def _told_and_not_done(case: Case) -> None:
    case.effects.clear()


def _two_runs(case: Case) -> None:
    case.final += [frame.replace(b"run_1", b"run_2") for frame in case.final]


def _two_answers(case: Case) -> None:
    case.accepted["key-1"].add((THREAD, "run_2", 1))


def _swapped(case: Case) -> None:
    case.final[2:4] = reversed(case.final[2:4])


def _other_bytes(case: Case) -> None:
    case.seen[3] += b" "


def _anothers_words(case: Case) -> None:
    case.seen[0] = case.seen[0].replace(USER.encode(), OTHER.encode())


def _anothers_request(case: Case) -> None:
    case.accepted.clear()


def _no_end(case: Case) -> None:
    del case.final[4:], case.seen[4:]


def _two_ends(case: Case) -> None:
    case.final.append(case.final[-1])


def _acted_twice(case: Case) -> None:
    case.effects.append((RUN, 0))


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (_seen_and_gone, "lost"),
        (_accepted_and_gone, "lost"),
        (_beginning_gone, "lost"),
        (_acted_and_gone, "lost"),
        (_told_and_not_done, "lost"),
        (_two_runs, "doubled"),
        (_two_answers, "doubled"),
        (_swapped, "order"),
        (_other_bytes, "bytes"),
        (_anothers_words, "owners"),
        (_anothers_request, "owners"),
        (_no_end, "runs"),
        (_two_ends, "runs"),
        (_acted_twice, "tools"),
    ],
)
def test_the_judge_finds_what_was_spoiled(spoil: Callable[[Case], None], kind: str) -> None:
    case = Case()
    assert case.broken() == []
    spoil(case)
    assert kind in {kind_of(each) for each in case.broken()}


@pytest.mark.parametrize(
    ("values", "end", "kinds"),
    [
        ((), AgentCompleted, []),
        ((1, 2, 3), AgentCompleted, []),
        ((1, 1), AgentCompleted, ["doubled"]),
        ((1, 3), AgentCompleted, ["doubled"]),
        ((2,), AgentCompleted, ["doubled"]),
        ((1, None), AgentCompleted, ["lost"]),
        ((1, None), AgentCancelled, []),
        ((None, 2), AgentCancelled, []),
        ((None, 1), AgentCancelled, ["doubled"]),
    ],
)
def test_a_value_that_counts_goes_up_by_one_with_each_write_and_is_told_unless_the_run_was_stopped(
    values: tuple[int | None, ...], end: type[Any], kinds: list[str]
) -> None:
    place: dict[str, Any] = {"thread_id": THREAD, "run_id": RUN, "ts": 1}
    events = [decode_event(frame) for frame in _frames()[:2]]

    def add(event: Any, **fields: Any) -> None:
        events.append(event(seq=len(events) + 1, **place, **fields))

    for at, value in enumerate(values):
        for kind, name in (("get", f"g{at}"), ("set", f"s{at}")):
            add(StepStarted, call_id=name, kind="state", name=f"{kind} thread count", step=f"{kind}##{at}")
            add(StepFinished, call_id=name, ok=True, elapsed_ms=0)
        if value is not None:
            add(StateChanged, call_id=f"s{at}", scope="thread", key="count", value=value)
    add(end, **({"by": "user"} if end is AgentCancelled else {"result": {}, "usage": {}, "elapsed_ms": 1}))
    assert [kind_of(each) for each in _counted(THREAD, events)] == kinds


@pytest.mark.parametrize(
    ("noticed", "kind"),
    [
        ("wire: d got 3 of thr_1 out of order", "order"),
        ("rest: d has 3 of thr_1, whose top is 4", "lost"),
        ("epochs: d resumed thr_1 into another history", "bytes"),
        ("owners: d got an event of thr_2", "owners"),
        ("closes: d was closed with 4510", "other"),
    ],
)
def test_what_devices_notice_has_a_kind(noticed: str, kind: str) -> None:
    assert kind_of(noticed) == kind
    assert kind in KINDS
