"""What model requests cost in PostgreSQL: what only processes that share it can do to each other."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from decimal import Decimal

import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.adapters.postgres.spending import PostgresSpending
from netra_backend.app.core.budgets import Amount
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

RACER = """
import asyncio, sys
from decimal import Decimal
from netra_backend.app.adapters.postgres.connection import READER, WRITER
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.adapters.postgres.spending import PostgresSpending
from netra_backend.app.core.budgets import Bound, ModelUse, RunBudget

async def main(url, name):
    pools = [PostgresConnectionPool(url, role, 8) for role in (READER, WRITER)]
    spending, budget = PostgresSpending(*pools), RunBudget(day=Bound(usd=Decimal("0.10")))
    await spending.spent("user_ada", "", "2026-11-30")
    print("ready", flush=True)
    sys.stdin.readline()
    uses = [ModelUse("user_ada", f"run_{name}:{n}", 1, 0, "2026-11-30", "m", Decimal("0.01"), 1, 1) for n in range(20)]
    told = await asyncio.gather(*(spending.reserve(use, budget) for use in uses))
    print(told.count(None), flush=True)
    for pool in pools:
        await pool.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_race_for_one_budget_never_spend_more_together(netra_database: NetraDatabase) -> None:
    pipe = asyncio.subprocess.PIPE
    racers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", RACER, netra_database.url, name, stdin=pipe, stdout=pipe
        )
        for name in ("a", "b")
    ]
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        for racer in racers:
            assert racer.stdin is not None
            assert racer.stdout is not None
            assert await racer.stdout.readline() == b"ready\n"
        told = await asyncio.gather(*(racer.communicate(b"go\n") for racer in racers))
        assert sum(int(out) for out, _ in told) == 10
        pools = [PostgresConnectionPool(netra_database.url, role, 2) for role in (READER, WRITER)]
        for pool in pools:
            stack.push_async_callback(pool.close)
        spent = await PostgresSpending(*pools).spent("user_ada", "run_a", "2026-11-30")
        assert spent.day == spent.month == Amount(Decimal("0.10"), 20)
