"""Own model requests as a user's usage data: there when they are asked about, once, exact, and gone with their user."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from netra_backend.app.adapters.ledger.ledger import DuckDBLedger
from netra_backend.app.core.budgets import ModelUse
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.limits import USUAL
from netra_backend.app.services.own_usage import NAME, OwnUsageLedger
from test_framework.clock import ManualClock, SeededEntropy
from test_framework.ids import new_id
from test_framework.memory.spending import MemorySpending
from test_framework.memory.store import MemoryStore

CSV = "timestamp,model,input_tokens,output_tokens\n2026-01-05T00:00:00Z,gpt-4o,1000,100\n"


class Bench:
    """A ledger over own requests that are settled by hand."""

    def __init__(self, directory: Path, seed: str) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore()
        self.scratch = directory / "scratch"
        self.scratch.mkdir()
        self.imports = 0
        self.inner = DuckDBLedger(directory / "usage", self.clock, SeededEntropy(seed))
        self.spending = MemorySpending(self.store, self.wait)
        self.away = False
        self.ledger = self.next_process()

    def next_process(self) -> OwnUsageLedger:
        limits = replace(USUAL, own_usage_rows=3)
        return OwnUsageLedger(self.inner, self.spending, self.clock, self.scratch, new_id, limits)

    async def wait(self) -> None:
        if self.away:
            raise DependencyUnavailable("away")

    async def settle(
        self, number: int, *, tokens: int = 1_000_000, settled: bool = True, owner: str = "user_ada"
    ) -> None:
        at_ms = self.clock.now_ms() - 86_400_000
        use = ModelUse(owner, f"run_{number}:1", 1, at_ms, "2026-01-01", "openai:gpt-4o-mini", Decimal(1), tokens, 0)
        await self.spending.settle(replace(use, is_settled=settled))

    async def spend(self, owner: str = "user_ada") -> tuple[int, str]:
        """Requests and dollars, as the agents see them."""
        told = await self.ledger.ask(owner, "cost_summary", {})
        return told["requests"], told["total_usd"]


@pytest.fixture
async def bench(tmp_path: Path, seed: str) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, seed)
    await bench.ledger.start()
    yield bench
    await bench.ledger.close()
    assert not list(bench.scratch.iterdir())


async def test_what_was_settled_is_one_dataset_of_its_user_at_list_prices(bench: Bench) -> None:
    await bench.settle(1)
    await bench.settle(2, settled=False)
    assert await bench.spend() == (1, "0.15")
    (dataset,) = await bench.ledger.datasets("user_ada")
    assert (dataset["name"], dataset["format"], dataset["rows"]) == (NAME, "netra", 1)
    assert await bench.ledger.datasets("user_bob") == []


async def test_further_requests_take_the_place_of_what_was_imported_after_a_while_and_are_never_counted_twice(
    bench: Bench,
) -> None:
    await bench.settle(1)
    assert (await bench.spend())[0] == 1
    await bench.settle(2)
    assert (await bench.spend())[0] == 1, "the figures of one answer agree"
    bench.clock.advance(s=USUAL.own_usage_s)
    assert (await bench.spend())[0] == 2
    assert len(await bench.ledger.datasets("user_ada")) == 1


async def test_the_next_process_finds_what_is_there_and_imports_nothing(bench: Bench) -> None:
    await bench.settle(1)
    await bench.spend()
    (before,) = await bench.ledger.datasets("user_ada")
    bench.ledger = bench.next_process()
    assert (await bench.spend())[0] == 1
    assert await bench.ledger.datasets("user_ada") == [before]


async def test_only_the_newest_requests_are_imported_and_what_the_user_imported_stays(
    bench: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "bill.csv"
    file.write_text(CSV)
    told = await bench.ledger.import_usage("user_ada", file, {}, lambda *_: None)
    for number in range(1, 6):
        await bench.settle(number)
    assert (await bench.spend())[0] == 1 + 3
    assert await bench.ledger.delete_dataset("user_ada", told["dataset_id"])
    assert (await bench.spend())[0] == 3


class Held:
    """A ledger that another process uses, too: an import reaches it, or is told of, after ``go_on``."""

    def __init__(self, inner: Any, *, is_late: bool) -> None:
        self._inner = inner
        self._is_late = is_late
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def import_usage(self, *given: Any) -> Any:
        if self._is_late:
            self.reached.set()
            await self.go_on.wait()
        told = await self._inner.import_usage(*given)
        self.reached.set()
        await self.go_on.wait()
        return told


@pytest.mark.parametrize("is_late", [False, True])
async def test_two_processes_that_import_different_states_leave_the_newest_of_them(bench: Bench, is_late: bool) -> None:
    await bench.settle(1)
    inner, slow = bench.inner, Held(bench.inner, is_late=is_late)
    bench.inner = cast("DuckDBLedger", slow)
    behind = asyncio.create_task(bench.next_process().datasets("user_ada"))
    await slow.reached.wait()
    await bench.settle(2)
    bench.clock.advance(s=1)
    fast = Held(inner, is_late=False)
    bench.inner = cast("DuckDBLedger", fast)
    bench.ledger = bench.next_process()
    ahead = asyncio.create_task(bench.ledger.datasets("user_ada"))
    await fast.reached.wait()
    if is_late:  # the older state is imported last
        fast.go_on.set()
        await ahead
        bench.clock.advance(s=1)
    slow.go_on.set()
    await behind
    fast.go_on.set()
    await ahead
    assert [dataset["rows"] for dataset in await bench.ledger.datasets("user_ada")] == [2]
    assert (await bench.spend())[0] == 2


async def test_a_dataset_that_a_user_named_alike_is_the_users_and_stays(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(
        '{"netra_call_id": "x.1", "ts": "2026-01-05T00:00:00Z", "model": "gpt-4o", "input_tokens": 9, "output_tokens": 1}\n'
    )
    told = await bench.ledger.import_usage("user_ada", file, {"name": NAME, "format": "netra"}, lambda *_: None)
    assert (told["format"], told["name"]) == ("netra", f"{NAME} (imported)")
    await bench.settle(1)
    assert (await bench.spend())[0] == 2
    bench.store.model_uses.clear()
    bench.clock.advance(s=USUAL.own_usage_s)
    assert (await bench.spend())[0] == 1
    assert [each["dataset_id"] for each in await bench.ledger.datasets("user_ada")] == [told["dataset_id"]]


async def test_if_they_cannot_be_read_the_users_own_data_is_answered_all_the_same(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "bill.csv"
    file.write_text(CSV)
    await bench.ledger.import_usage("user_ada", file, {}, lambda *_: None)
    await bench.settle(1)
    bench.away = True
    with caplog.at_level(logging.WARNING, "netra.budgets"):
        assert (await bench.spend())[0] == 1
    assert "could not be brought up to date" in caplog.text
    bench.away = False
    assert (await bench.spend())[0] == 2


async def test_they_go_with_their_user(bench: Bench) -> None:
    await bench.settle(1)
    await bench.spend()
    bench.store.model_uses.clear()
    await bench.ledger.delete_owner("user_ada")
    assert await bench.ledger.datasets("user_ada") == []


async def test_a_user_without_requests_costs_nothing(bench: Bench) -> None:
    assert (await bench.ledger.ask("user_ada", "data_profile", {}))["rows"] == 0
    assert bench.ledger.counts()["imports"] == 0
