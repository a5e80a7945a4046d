"""Every kind of blow is dealt as often as it was asked for, and something always stays well."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from random import Random
from typing import Any

import pytest

from test_framework.chaos.fault_injection import KINDS, FaultInjection, counts_for


class FakeProcess:
    number = 7

    def __init__(self, ends_well: bool) -> None:
        self.troubled = False
        self.done: Counter[str] = Counter()
        self._ends_well = ends_well

    def kill(self) -> None:
        self.done["kill"] += 1

    async def drain(self) -> bool:
        self.done["drain"] += 1
        return self._ends_well

    async def come_back(self) -> int:
        assert self.troubled
        self.done["come back"] += 1
        return 1

    async def freeze(self, seconds: float) -> None:
        assert self.troubled
        self.done["freeze" if seconds < 30 else "long-freeze"] += 1


class FakeProcesses:
    def __init__(self, process: FakeProcess) -> None:
        self._process = process
        self.refused = 0

    def pick(self, least_well: int) -> FakeProcess | None:
        if self._process.troubled:
            self.refused += 1
            return None
        self._process.troubled = True
        return self._process


class FakeStores:
    """Notes what is done to it."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.links = [self]

    def __getattr__(self, name: str) -> Any:
        async def did(*_: object) -> None:
            self.done[name] += 1

        return did

    def stall(self) -> None:
        self.done["stall"] += 1

    def flow(self) -> None:
        self.done["flow"] += 1


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    step = partial(asyncio.sleep, 0)

    async def at_once(seconds: float) -> None:
        await step()

    monkeypatch.setattr(asyncio, "sleep", at_once)


async def inject(
    counts: dict[str, int], *, ends_well: bool = True
) -> tuple[FaultInjection, FakeProcess, FakeStores, list[str]]:
    process, stores = FakeProcess(ends_well), FakeStores()
    said: list[str] = []
    dealt = FaultInjection(FakeProcesses(process), stores, counts, Random(1))  # type: ignore[arg-type]  # fakes
    await dealt.inject(said.append)
    return dealt, process, stores, said


async def test_each_kind_is_dealt_as_often_as_asked_and_what_was_stopped_comes_back() -> None:
    counts = dict.fromkeys(KINDS, 3)
    dealt, process, stores, said = await inject(counts)
    assert dealt.done == counts
    assert dealt.broken == []
    assert process.done == {"kill": 3, "drain": 3, "come back": 6, "freeze": 3, "long-freeze": 3}
    assert not process.troubled
    assert dealt.failed_starts == 6
    assert stores.done == {
        "crash_database": 3,
        "crash_valkey": 9,
        "save_valkey": 6,
        "forget_valkey": 3,
        "cut": 3,
        "mend": 3,
        "stall": 3,
        "flow": 3,
    }
    assert said[-1] == ", ".join(f"{kind} 3/3" for kind in KINDS)


async def test_a_process_that_does_not_end_well_breaks_a_promise() -> None:
    dealt, *_ = await inject({"drain": 1}, ends_well=False)
    assert dealt.broken == ["drain: process 7 did not end well after SIGTERM"]


def test_kinds_that_take_long_are_dealt_less_often_and_at_least_once() -> None:
    assert counts_for(200)["long-freeze"] == 20
    assert counts_for(200)["kill"] == counts_for(200)["postgres"] == 200
    assert set(counts_for(1).values()) == {1}
