"""Values that an agent keeps: each read and write is a step, and is the same wherever its process is killed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import StateConflict, ToolError
from netra_backend.app.core.events import AgentCompleted, StateChanged, StepFinished, StepStarted
from netra_backend.app.core.limits import USUAL
from netra_server import StateConflict as PublicConflict
from test_framework.counted_tool import kinds


def data_of(events: list[Any]) -> Any:
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result["data"]


async def asked(workshop: Any, user_id: str = "user_ada") -> list[Any]:
    """A run of this user in a new thread; its events."""
    client = workshop.connect(user_id)
    accepted = await workshop.ask(client, "golden")
    events: list[Any] = await client.ended(accepted.run_id)
    return events


def kept(workshop: Any) -> dict[tuple[str, bool], Any]:
    """What is kept, by key and whether it is the user's."""
    return {(key, not thread): json.loads(value[0]) for (_, thread, key), value in workshop.store.values.items()}


class TestKeeping:
    async def test_a_value_stays_for_the_thread_and_another_for_the_user(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            before = [await scope.state.get("n"), await scope.state.get("n", scope="user")]
            await scope.state.set("n", {"b": (1,), "a": None})
            await scope.state.set("n", 2, scope="user")
            return AgentResult(
                "", {"got": [*before, await scope.state.get("n"), await scope.state.get("n", scope="user")]}
            )

        workshop.agent("golden", run)
        first = data_of(await asked(workshop))
        assert first == {"got": [None, None, {"a": None, "b": [1]}, 2]}
        assert data_of(await asked(workshop))["got"][:2] == [None, 2]  # another thread of the same user
        assert data_of(await asked(workshop, "user_bob"))["got"][:2] == [None, None]

    async def test_what_is_kept_is_shown_to_nobody_unless_it_is_visible(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.state.set("quiet", "unseen value")
            await scope.state.set("plan", {"step": 1, "api_key": "sk-0123456789abcdef0123456789"}, visible=True)
            await scope.state.delete("plan", visible=True)
            return AgentResult("", {})

        workshop.agent("golden", run)
        events = await asked(workshop)
        step = ["StepStarted", "StepFinished"]
        assert kinds(events)[2:] == [*step, *step, "StateChanged", *step, "StateChanged", "AgentCompleted"]
        assert "unseen" not in str(events)
        assert "sk-0123" not in str(events)
        told = [event for event in events if isinstance(event, StateChanged)]
        assert [(each.scope, each.key) for each in told] == [("thread", "plan")] * 2
        assert told[0].value["step"] == 1
        assert told[1].value is None
        started = [event for event in events if isinstance(event, StepStarted)]
        assert [each.name for each in started] == ["set thread quiet", "set thread plan", "delete thread plan"]
        assert {each.kind for each in started} == {"state"}
        assert kept(workshop) == {("quiet", False): "unseen value"}

    @pytest.mark.parametrize("frames", range(1, 13))
    async def test_wherever_it_is_killed_each_write_is_made_once_and_each_read_is_the_same(
        self, workshop: Any, frames: int
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            before = await scope.state.get("n", scope="user")
            await scope.state.set("n", (before or 0) + 1, scope="user", visible=True)
            await scope.state.set("t", [before])
            return AgentResult("", {"got": [before, await scope.state.get("t")]})

        workshop.agent("golden", run)
        workshop.store.values["user_ada", "", "n"] = (b"6", 0)
        events = await asked(workshop)
        assert len(events) == 12
        thread = events[0].thread_id
        values = {("user_ada", "", "n"): (b"7" if frames > 5 else b"6", 0)}
        if frames > 8:
            values["user_ada", thread, "t"] = (b"[6]", 0)
        client = await workshop.killed_after(events, "user_ada", frames, values)
        if frames < 12:
            await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert data_of(stored) == {"got": [6, [6]]}
        assert kept(workshop) == {("n", True): 7, ("t", False): [6]}
        assert [event.value for event in stored if isinstance(event, StateChanged)] == [7]

    async def test_writes_side_by_side_are_one_commit(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await asyncio.gather(*(scope.state.set(f"k{n}", n) for n in range(5)))
            return AgentResult("")

        workshop.agent("golden", run)
        await asked(workshop)
        assert kept(workshop) == {(f"k{n}", False): n for n in range(5)}


class TestConflicts:
    async def test_a_value_that_somebody_else_changed_since_it_was_read_is_not_set(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.state.get("n", scope="user")
            await scope.step("elsewhere", elsewhere)
            outcomes = []
            for value in (1, 2):
                try:
                    await scope.state.set("n", value, scope="user")
                except StateConflict as conflict:
                    outcomes.append(conflict.code)
                await scope.state.get("n", scope="user")
            return AgentResult("", {"got": outcomes})

        async def elsewhere() -> None:
            workshop.store.values["user_ada", "", "n"] = (b"9", 0)

        assert PublicConflict is StateConflict
        workshop.agent("golden", run)
        events = await asked(workshop)
        assert data_of(events) == {"got": ["STATE_CONFLICT"]}
        assert kept(workshop) == {("n", True): 2}
        refused = [event for event in events if isinstance(event, StepFinished) and not event.ok]
        assert [(each.error or {})["code"] for each in refused] == ["STATE_CONFLICT"]
        whole = workshop.store
        for frames in range(8, len(events)):  # what was refused stays refused, whatever is there now
            workshop.store = whole
            values = {("user_ada", "", "n"): (b"2" if frames > 11 else b"9", 0)}
            client = await workshop.killed_after(events, "user_ada", frames, values)
            await client.ended(events[0].run_id)
            assert data_of(await workshop.stored(events[0].run_id)) == {"got": ["STATE_CONFLICT"]}
            assert kept(workshop) == {("n", True): 2}

    async def test_only_what_is_expected_is_replaced_and_what_this_run_set_counts_as_read(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            state = scope.state
            await state.set("n", {"a": 1, "b": 2}, scope="user")
            await state.set("n", 1, scope="user")
            got: list[Any] = []
            for expected in (None, 2, 1):
                try:
                    await state.set("n", "new", scope="user", expected=expected)
                    got.append(await state.get("n", scope="user"))
                except StateConflict as conflict:
                    got.append(conflict.message)
            await state.set("t", 1, expected=None)
            with pytest.raises(StateConflict):
                await state.delete("t", expected=2)
            await state.delete("t", expected=1)
            return AgentResult("", {"got": got})

        workshop.agent("golden", run)
        told = "The value of n was changed by somebody else."
        assert data_of(await asked(workshop)) == {"got": [told, told, "new"]}
        assert kept(workshop) == {("n", True): "new"}

    async def test_of_runs_that_write_at_once_one_wins_and_every_run_ends(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            tries = 0
            while True:
                tries += 1
                try:
                    before = await scope.state.get("n", scope="user")
                    await scope.state.set("n", (before or 0) + 1, scope="user")
                except StateConflict:
                    continue
                return AgentResult("", {"tries": tries})

        workshop.agent("golden", run)
        ended = await asyncio.gather(*(asked(workshop) for _ in range(5)))
        assert max(data_of(events)["tries"] for events in ended) > 1
        assert kept(workshop) == {("n", True): 5}


class TestBounds:
    @pytest.mark.parametrize(
        ("value", "code"),
        [
            ("x" * USUAL.state_bytes, "STATE_TOO_LARGE"),
            (object(), "STATE_NOT_JSON"),
            (["\ud800"], "STATE_NOT_JSON"),
            ([1 << 1_000_000], "STATE_TOO_LARGE"),
        ],
        ids=["too large", "an object", "half a surrogate pair", "too many digits"],
    )
    async def test_what_cannot_be_kept_is_refused_and_the_run_goes_on(
        self, workshop: Any, value: Any, code: str
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError) as refusal:
                await scope.state.set("n", value)
            return AgentResult(refusal.value.code)

        workshop.agent("golden", run)
        events = await asked(workshop)
        assert events[-1].result["text"] == code
        assert kept(workshop) == {}

    async def test_above_the_number_of_values_a_new_one_is_refused_and_recorded(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.state.set("k0", 1)
            with pytest.raises(ToolError) as refusal:
                await scope.state.set("new", 1)
            await scope.state.set("k0", 2)
            return AgentResult(refusal.value.code)

        workshop.agent("golden", run)
        workshop.limits = replace(workshop.limits, state_keys=1)
        workshop.open()
        events = await asked(workshop)
        assert events[-1].result["text"] == "STATE_FULL"
        assert kept(workshop) == {("k0", False): 2}
        client = await workshop.killed_after(events, "user_ada", len(events) - 1)
        await client.ended(events[0].run_id)
        assert (await workshop.stored(events[0].run_id))[-1].result["text"] == "STATE_FULL"

    @pytest.mark.parametrize("given", [("", "thread"), ("k" * 257, "user"), ("k", "server"), ("a\nb", "thread")])
    async def test_no_other_key_and_no_other_scope_is_taken(self, workshop: Any, given: tuple[str, Any]) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ValueError, match=r"The (key|scope) of a value"):
                scope.state.get(given[0], scope=given[1])
            return AgentResult("refused")

        workshop.agent("golden", run)
        assert (await asked(workshop))[-1].result["text"] == "refused"


class TestBreakingOff:
    async def test_a_write_that_the_agent_broke_off_is_broken_off_again(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            try:
                async with asyncio.timeout(0):
                    await scope.state.set("n", 1)
            except TimeoutError:
                return AgentResult("broken off")
            return AgentResult("set")

        workshop.agent("golden", run)
        events = await asked(workshop)
        assert events[-1].result["text"] == "broken off"
        values = dict(workshop.store.values)
        client = await workshop.killed_after(events, "user_ada", len(events) - 1, values)
        await client.ended(events[0].run_id)
        assert (await workshop.stored(events[0].run_id))[-1].result["text"] == "broken off"
