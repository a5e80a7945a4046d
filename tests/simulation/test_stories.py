"""Stories that once went wrong, or that the sweep meets too seldom, told one by one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from test_framework.simulation.schedule import (
    Action,
    Ask,
    BackUp,
    Delete,
    Drop,
    FailCommit,
    Lose,
    Misroute,
    Repeat,
    Restart,
    Retain,
    Schedule,
    Stall,
    Stop,
)
from test_framework.simulation.simulating import simulate, told

LONG = ("think", "look", "charge", "model", "say", "charge", "look")
STORIES: dict[str, Sequence[Action]] = {
    "a request is repeated after its thread was deleted": [
        Ask(1.0, 0, "own", 1, "enqueue", ()),
        Delete(4.0, 1, 0),
        Repeat(5.0, 1, 0),
    ],
    "a request is repeated while its thread is being deleted": [
        Ask(1.0, 0, "new", 1, "enqueue", ("look",)),
        *(Repeat(1.02 + step / 50, step % 3, 0) for step in range(20)),
        Delete(1.2, 1, 0),
    ],
    "the process dies again and again in one run": [
        Ask(1.0, 0, "new", 0, "enqueue", LONG),
        *(Restart(1.1 + step / 4, "kill", 0.0) for step in range(20)),
    ],
    "the process is thought dead and goes on": [
        Ask(1.0, 0, "new", 0, "enqueue", LONG),
        *(Restart(1.2 + step / 3, "zombie", 0.0) for step in range(20)),
    ],
    "a tool waits for its user over restarts": [
        Ask(1.0, 0, "new", 0, "enqueue", ("gate", "charge", "gate")),
        *(Restart(1.2 + step, ("kill", "drain", "zombie")[step % 3], 0.1) for step in range(8)),
    ],
    "the last events of a run are lost on the bus": [
        Ask(1.0, 0, "new", 0, "enqueue", ("look", "look")),
        *(Lose(1.0 + step / 10, step % 2, 50) for step in range(30)),
    ],
    "an older backup is restored while users go on asking": [
        Ask(1.0, 0, "own", 1, "enqueue", ("think",)),
        BackUp(2.0),
        *(Ask(2.5 + step / 2, step % 4, "own", 1, "enqueue", ("think", "look")) for step in range(6)),
        Restart(6.0, "kill", 0.5, restore=True, cut=True),
        *(Ask(6.1 + step / 2, step % 4, "known", step, "interrupt", ("look",)) for step in range(6)),
    ],
    "runs of one thread interrupt each other": [
        *(Ask(1.0 + step / 20, step % 2, "own", 1, "interrupt", LONG) for step in range(12)),
        Stop(2.0, 0, 0),
    ],
    "a device reads nothing, then everything": [
        Stall(0.9, 1, 9.0),
        *(Ask(1.0 + step / 4, 0, "own", step % 3, "enqueue", LONG) for step in range(16)),
    ],
    "every connection is lost all the time": [
        Ask(1.0, 0, "new", 0, "enqueue", LONG),
        *(Drop(1.0 + step / 10, step % 4, (0.0, 1.0, None)[step % 3]) for step in range(80)),
    ],
    "the disk fails, and fails again": [
        *(Ask(1.0 + step, step % 4, "new", 0, "enqueue", LONG) for step in range(5)),
        *(FailCommit(1.2 + step) for step in range(8)),
    ],
    "events are misrouted to another user's device": [
        *(Misroute(0.9 + step / 2, step % 4) for step in range(16)),
        *(Ask(1.0 + step / 2, (step + 2) % 4, "new", 0, "enqueue", ("look", "say")) for step in range(12)),
    ],
    "old threads are deleted while they are being used": [
        *(Ask(1.0 + step / 4, step % 4, "own", step % 3, "enqueue", ("look",)) for step in range(20)),
        *(Retain(2.0 + step, 0.1) for step in range(6)),
    ],
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("seed", range(8))
def test_a_story_ends_well(story: str, seed: int) -> None:
    actions = tuple(sorted(STORIES[story], key=lambda action: action.at))
    verdict = simulate(Schedule(seed, (2, 2), actions))
    assert not verdict.broken, told(verdict)
