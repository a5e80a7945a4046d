"""What model requests cost in the embedded store: what only it has to do. What every store promises is in the contract suite."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random

from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.core.budgets import Bound, ModelUse, RunBudget
from test_framework.clock import ManualClock
from test_framework.log_story import LogStory


async def test_sums_are_those_of_the_rows_whatever_was_reserved_refused_and_settled(tmp_path: Path, seed: str) -> None:
    story, chance = LogStory(), Random(seed)
    log = SqliteEventLog(tmp_path / "events.db", ManualClock(), asyncio.get_running_loop(), story.publish, story.failed)
    budget, made = RunBudget(month=Bound(usd=Decimal("0.02"))), []
    try:
        for number in range(200):
            usd = Decimal(chance.randrange(10**9)) / 10**12
            use = ModelUse(
                "user_ada", f"run_{number % 7}:{number}", 1, 0, f"2026-11-{number % 30 + 1:02d}", "m", usd, 1, 2
            )
            if await log.spending.reserve(use, budget) is None:
                made.append(use)
            if made and chance.random() < 0.5:
                await log.spending.settle(replace(chance.choice(made), usd=usd / 2, is_settled=True))
        assert 0 < len(made) < 200
    finally:
        await log.close()
    with closing(sqlite3.connect(tmp_path / "events.db")) as file:
        rows = file.execute(
            "SELECT day, sum(usd), sum(input_tokens + output_tokens), count(*) FROM model_use GROUP BY day"
        ).fetchall()
        sums = file.execute("SELECT day, usd, tokens, requests FROM spend").fetchall()
    assert sorted(rows) == sorted(sums)
