"""Runs that were left go on once, in their order, from their journals. Several processes: ``tests/unit/cluster``."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.core.events import AgentCancelled, AgentCompleted, AgentThinking


async def test_a_run_that_is_resumed_twice_at_once_goes_on_once(workshop: Any, gates: Any) -> None:
    gates.shutting("m0")
    accepted = await workshop.ask(workshop.connect(), "golden", "m0", thread_id="thr_1")
    await workshop.kill()
    left = workshop.store.unfinished()
    resume = workshop.turns.recovery.resume
    assert sorted(await asyncio.gather(resume(left), resume(left))) == [0, 1]
    queue = workshop.turns.scheduler.of_thread(workshop.log.known("thr_1"))
    assert [active.run.run_id for active in queue] == [accepted.run_id]
    assert workshop.engines.get_factory_metrics()["engines_active"] == 1
    gates.open()


async def test_nothing_else_begins_in_a_thread_whose_runs_are_being_resumed(
    workshop: Any, gates: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates.shutting("m0")
    accepted = await workshop.ask(workshop.connect(), "golden", "m0", thread_id="thr_1")
    await workshop.kill()
    read, go_on = workshop.log.run_frames, asyncio.Event()

    async def slow(run: Any) -> Any:
        await go_on.wait()
        return await read(run)

    monkeypatch.setattr(workshop.log, "run_frames", slow)
    taking = asyncio.create_task(workshop.turns.recovery.take_over())
    runs = workshop.turns.recovery
    await workshop.until(lambda: runs._resuming)
    waiting = asyncio.create_task(runs.resumed("thr_1"))
    await runs.resumed("thr_2")
    assert not waiting.done()
    go_on.set()
    assert await taking == 1
    await waiting
    assert [active.run.run_id for active in workshop.turns.scheduler.all()] == [accepted.run_id]
    gates.open()


async def test_a_run_whose_thread_is_deleted_while_it_is_read_does_not_go_on_and_leaves_nothing(
    workshop: Any, gates: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates.shutting("m0")
    await workshop.ask(workshop.connect(), "golden", "m0", thread_id="thr_1")
    await workshop.kill()
    read = workshop.log.run_frames

    async def slow(run: Any) -> Any:
        frames = await read(run)
        await workshop.log.delete_thread(workshop.log.known("thr_1"))
        return frames

    monkeypatch.setattr(workshop.log, "run_frames", slow)
    assert await workshop.turns.recovery.take_over() == 0
    assert (len(workshop.turns), workshop.held()) == (0, (0, 0))
    assert workshop.engines.get_factory_metrics()["engines_active"] == 0
    assert workshop.bridge.get_factory_metrics()["emitters_active"] == 0
    gates.open()


async def test_runs_go_on_also_where_the_request_that_took_hold_of_them_is_cancelled(
    workshop: Any, gates: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates.shutting("m")
    accepted = [await workshop.ask(workshop.connect(), "golden", "m", thread_id=f"thr_{n}") for n in range(2)]
    await workshop.kill()
    read, reached, go_on = workshop.log.run_frames, asyncio.Event(), asyncio.Event()

    async def slow(run: Any) -> Any:
        reached.set()
        await go_on.wait()
        return await read(run)

    runs = workshop.turns.recovery
    monkeypatch.setattr(workshop.log, "run_frames", slow)
    asking = asyncio.create_task(runs.resume(workshop.store.unfinished()))
    await reached.wait()
    asking.cancel()
    await asyncio.wait([asking])
    go_on.set()
    for number in range(2):
        await runs.resumed(f"thr_{number}")
    assert {active.run.run_id for active in workshop.turns.scheduler.all()} == {each.run_id for each in accepted}
    assert runs.taken_over == 2
    gates.open()


async def test_a_run_that_is_here_is_not_resumed(workshop: Any, gates: Any) -> None:
    gates.shutting("m0")
    accepted = await workshop.ask(workshop.connect(), "golden", "m0")
    (stored,) = workshop.store.unfinished()
    (before,) = workshop.turns.scheduler.all()
    assert await workshop.turns.recovery.resume([stored]) == 0
    assert workshop.turns.scheduler.all() == [before]
    assert before.run.run_id == accepted.run_id
    gates.open()


async def test_a_run_of_an_older_hold_of_its_thread_gives_way_to_the_one_that_is_resumed(
    workshop: Any, gates: Any
) -> None:
    gates.shutting("m0")
    client = workshop.connect()
    accepted = await workshop.ask(client, "golden", "m0", thread_id="thr_1")
    await client.saw(AgentThinking)
    (before,) = workshop.turns.scheduler.all()
    (stored,) = workshop.store.unfinished()
    del workshop.log._heads["thr_1"]  # as if another process had held it since
    assert await workshop.turns.recovery.resume([stored]) == 1
    (after,) = workshop.turns.scheduler.all()
    assert (after.run.head is before.run.head, before.run.ended, workshop.held()) == (False, True, (1, 0))
    gates.open()
    assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)
    await workshop.until(lambda: workshop.engines.get_factory_metrics()["engines_active"] == 0)


@pytest.mark.parametrize("later_ms", [0, -1])
async def test_what_a_revoked_user_asked_for_before_ends_instead_of_going_on(
    workshop: Any, gates: Any, later_ms: int
) -> None:
    gates.shutting("m0")
    client = workshop.connect()
    accepted = [await workshop.ask(client, "golden", f"m{n}", thread_id="thr_1") for n in range(2)]
    await client.saw(AgentThinking)
    await workshop.kill()
    gates.order.clear()
    gates.open()
    created_ms = workshop.store.unfinished()[0].created_ms
    workshop.revoked["user_ada"] = created_ms + later_ms
    client = workshop.connect()
    assert await workshop.turns.recovery.take_over() == 2
    ends = [(await client.ended(each.run_id))[-1] for each in accepted]
    stopped = later_ms == 0
    assert [isinstance(end, AgentCancelled) for end in ends] == [stopped, stopped]
    assert gates.order == ([] if stopped else ["m0", "m1"])
    assert workshop.held() == (0, 0)
