"""What an earlier run of a thread has kept for the next one."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.supervisor import kept_before as module
from netra_backend.app.core.events import AgentFailed


def keeping(workshop: Any, name: str = "golden", most: int = 1) -> list[Any]:
    """An agent that keeps its message twice; what each run found."""
    seen: list[Any] = []

    async def run(scope: Any) -> AgentResult:
        steps = scope.framework
        found = await steps.kept_before("state", most)
        seen.append([await steps.blob(ref) for ref in found.values()])
        for at in range(2):
            scope.framework.record("state", b'"%s %d"' % (scope.message.encode(), at))
        if scope.message == "fail":
            raise ValueError(scope.message)
        return AgentResult(scope.message)

    workshop.agent(name, run)
    return seen


async def thread_of(workshop: Any, client: Any, *messages: str, **fields: Any) -> str:
    thread = ""
    for message in messages:
        more = {**fields, "thread_id": thread} if thread else fields
        accepted = await workshop.ask(client, "golden", message, **more)
        events = await client.ended(accepted.run_id)
        assert isinstance(events[-1], AgentFailed) is (message == "fail")
        thread = events[0].thread_id
    return thread


@pytest.mark.parametrize("window", [1, 3, 2000])
async def test_it_is_what_the_last_completed_run_recorded_last(
    workshop: Any, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(module, "_WINDOW", window)
    seen = keeping(workshop)
    await thread_of(workshop, workshop.connect("user_ada"), "one", "two", "fail", "three")
    assert seen == [[], [b'"one 1"'], [b'"two 1"'], [b'"two 1"']]
    await thread_of(workshop, workshop.connect("user_bob"), "other")
    assert seen[-1] == []


@pytest.mark.parametrize("window", [1, 3, 2000])
async def test_of_several_runs_each_has_its_own_the_newest_first(
    workshop: Any, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(module, "_WINDOW", window)
    seen = keeping(workshop, most=2)
    await thread_of(workshop, workshop.connect("user_ada"), "one", "two", "fail", "three", "four")
    assert seen[1] == [b'"one 1"']
    assert seen[3:] == [[b'"two 1"', b'"one 1"'], [b'"three 1"', b'"two 1"']]


async def test_a_run_that_was_superseded_counts_for_nothing(workshop: Any) -> None:
    seen = keeping(workshop)
    client = workshop.connect("user_ada")
    thread = await thread_of(workshop, client, "one")
    wrong = await workshop.ask(client, "golden", "wrong", thread_id=thread)
    await client.ended(wrong.run_id)
    right = await workshop.ask(client, "golden", "right", thread_id=thread, supersedes=wrong.run_id)
    await client.ended(right.run_id)
    last = await workshop.ask(client, "golden", "last", thread_id=thread)
    await client.ended(last.run_id)
    assert seen[-2:] == [[b'"one 1"'], [b'"right 1"']]


async def test_it_is_the_same_on_a_replay(workshop: Any) -> None:
    seen = keeping(workshop)
    client = workshop.connect("user_ada")
    thread = await thread_of(workshop, client, "one")
    second = await workshop.ask(client, "golden", "two", thread_id=thread)
    await client.ended(second.run_id)
    third = await workshop.ask(client, "golden", "three", thread_id=thread)
    await client.ended(third.run_id)
    assert seen == [[], [b'"one 1"'], [b'"two 1"']]
