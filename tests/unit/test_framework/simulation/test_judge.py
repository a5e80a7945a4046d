"""The judge finds each thing that is not as it should be, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.core.events import AgentCompleted, AgentStarted, QuestionAnswered, QuestionAsked, UserMessage
from test_framework.simulation.judge import faults_of_thread, judge
from test_framework.simulation.schedule import Ask, Schedule
from test_framework.simulation.simulating import play
from test_framework.simulation.workers import Plan
from test_framework.simulation.world import World

STEPS = ("think", "look", "charge", "say", "model")


def _other_byte(world: World) -> None:
    world.devices[0].views["user_0-thread-1"].frames[3] += b" "


def _hole(world: World) -> None:
    del world.devices[0].views["user_0-thread-1"].frames[3]


def _other_user(world: World) -> None:
    world.devices[2].archive.append(world.devices[0].views["user_0-thread-1"])


def _second_end(world: World) -> None:
    rows = world.store.threads["user_0-thread-1"].rows
    rows.append(rows[-1])


def _no_end(world: World) -> None:
    world.store.threads["user_0-thread-1"].rows.pop()


def _lost_step(world: World) -> None:
    del world.store.threads["user_0-thread-1"].rows[2]


def _lost_answer(world: World) -> None:
    del world.store.threads["user_0-thread-1"].rows[4]


def _second_start(world: World) -> None:
    rows = world.store.threads["user_0-thread-1"].rows
    rows.insert(2, rows[1])


def _lost_request(world: World) -> None:
    world.store.threads["user_0-thread-1"].rows.clear()


def _second_request(world: World) -> None:
    rows = world.store.threads["user_0-thread-1"].rows
    rows.extend(("run_other", frame) for _, frame in list(rows))
    world.store.runs["run_other"] = next(iter(world.store.runs.values()))


def _changed_hands(world: World) -> None:
    world.truth.owners["user_0-thread-1"] = "user_1"


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (_other_byte, "prefix"),
        (_hole, "prefix"),
        (_other_user, "owners"),
        (_second_end, "runs"),
        (_no_end, "runs"),
        (_lost_step, "runs"),
        (_lost_answer, "runs"),
        (_second_start, "runs"),
        (_lost_request, "requests"),
        (_second_request, "requests"),
        (_changed_hands, "owners"),
    ],
)
def test_the_judge_finds_what_was_spoiled(spoil: Callable[[World], None], kind: str) -> None:
    world = play(Schedule(1, (2, 1), (Ask(1.0, 0, "own", 1, "enqueue", STEPS),)))
    assert judge(world) == []
    spoil(world)
    assert kind in {each.partition(":")[0] for each in judge(world)}


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda told: None, ""),
        (lambda told: told.insert(4, told[3]), "asked"),
        (lambda told: told.insert(3, told[2]), "asked"),
        (lambda told: told.pop(2), "asked"),
        (lambda told: told.pop(3), "got"),
    ],
    ids=["nothing", "answered twice", "asked twice", "answered unasked", "another answer"],
)
def test_a_question_is_asked_and_answered_once_by_what_its_agent_gets(
    spoil: Callable[[list[Any]], Any], fault: str
) -> None:
    place: dict[str, Any] = {"thread_id": "t", "run_id": "r", "seq": 1, "ts": 0}
    plan = Plan("k", "u", ("ask",))
    told: list[Any] = [
        UserMessage(**place, request_id="q", agent="worker", text=plan.encoded()),
        AgentStarted(**place, agent="worker", request_id="q"),
        QuestionAsked(**place, question_id="q1", text=plan.text(0), expires_at=9, call_id="r:1", step="ask#1"),
        QuestionAnswered(**place, question_id="q1", by="c", answer="u/k/0=phone"),
        AgentCompleted(**place, result={"text": "", "data": {"came": ["u/k/0=phone"]}}, usage={}, elapsed_ms=1),
    ]
    spoil(told)
    faults = list(faults_of_thread(("r", event) for event in told))
    assert any(f"r {fault}" in each for each in faults) if fault else faults == []
