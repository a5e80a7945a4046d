"""A world plays a schedule to its end and comes to rest."""

from __future__ import annotations

import pytest

from netra_backend.app.core.events import decode_event
from test_framework.simulation.device import Device
from test_framework.simulation.judge import judge
from test_framework.simulation.schedule import Action, Ask, BackUp, Delete, Misroute, Restart, Retain, Schedule, Stop
from test_framework.simulation.simulating import play
from test_framework.simulation.world import World

STEPS = ("think", "look", "charge", "say", "model")


def played(*actions: Action, seed: int = 1, devices: tuple[int, ...] = (2, 1)) -> World:
    return play(Schedule(seed, devices, actions))


@pytest.fixture(scope="module")
def story() -> World:
    """Two devices of one user and one of another, one run with every step."""
    return played(Ask(1.0, 0, "own", 1, "enqueue", STEPS))


def kinds(world: World) -> list[str]:
    return [type(decode_event(frame)).__name__ for thread in world.store.threads.values() for _, frame in thread.rows]


def test_a_run_is_seen_by_all_devices_of_its_user_and_by_no_other(story: World) -> None:
    assert judge(story) == []
    assert kinds(story)[:3] == ["UserMessage", "AgentStarted", "AgentThinking"]
    assert kinds(story)[-1] == "AgentCompleted"
    mine, also_mine, theirs = story.devices
    assert mine.views["user_0-thread-1"].frames == also_mine.views["user_0-thread-1"].frames
    assert len(mine.views["user_0-thread-1"].frames) == len(kinds(story))
    assert theirs.views == {}
    assert sum(story.truth.effects.values()) == 1


@pytest.mark.parametrize("how", ["kill", "drain", "zombie"])
def test_a_run_goes_on_in_the_next_process(how: str) -> None:
    world = played(Ask(1.0, 0, "new", 1, "enqueue", STEPS * 2), Restart(1.5, how, 0.5))
    assert judge(world) == []
    assert len(world.processes) == 2
    assert kinds(world)[-1] == "AgentCompleted"


def test_a_restored_backup_is_another_history() -> None:
    world = played(
        Ask(1.0, 0, "own", 1, "enqueue", ("think",)),
        BackUp(4.0),
        Ask(5.0, 0, "own", 2, "enqueue", ("think",)),
        Restart(9.0, "kill", 0.1, restore=True),
    )
    assert judge(world) == []
    assert (world.truth.era, list(world.store.threads)) == (1, ["user_0-thread-1"])
    assert [epoch for _, epoch in world.truth.histories].count(world.store.threads["user_0-thread-1"].epoch) == 1


def test_threads_are_deleted_and_runs_stopped() -> None:
    world = played(
        Ask(1.0, 0, "own", 1, "enqueue", ("think",)),
        Ask(1.0, 2, "own", 1, "enqueue", ("gate", *STEPS * 2)),
        Stop(2.5, 2, 0),
        Delete(5.0, 1, 0),
        Retain(11.0, 0.1),
    )
    assert judge(world) == []
    assert [thread.owner for thread in world.store.threads.values()] == ["", ""]


def test_a_misrouted_event_is_stopped_and_its_connection_closed() -> None:
    world = played(Misroute(1.4, 2), Ask(1.5, 0, "new", 1, "enqueue", STEPS))
    assert judge(world) == []
    assert world.devices[2].views == {}


def test_what_never_comes_to_rest_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "connect", lambda _: None)
    assert played().truth.broken == ["rest: user_0.0 is not connected"]
