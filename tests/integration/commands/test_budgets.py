"""``netra budget``: what was spent, as the server that uses the data directory says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from typer.testing import CliRunner, Result

from netra_backend.app.cli import command_line
from netra_backend.app.core.budgets import ModelUse
from netra_backend.app.services.budget_days import day_of
from test_framework.served import serve


def budget(directory: Path, *words: str) -> Result:
    return CliRunner(env={"NETRA_DATA_DIR": str(directory)}).invoke(command_line(["budget"]), ["budget", *words])


async def test_what_a_user_and_all_users_spent_is_told(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        served.runtime.announce(served.url)
        now_ms = served.runtime.clock.now_ms()
        use = ModelUse("alice", "run_1:1", 1, now_ms, day_of(now_ms), "m", Decimal("0.25"), 300, 0, is_settled=True)
        await served.runtime.budgets.store.settle(use)
        await served.runtime.budgets.store.settle(replace(use, owner="bob", usd=None))
        one = await asyncio.to_thread(budget, tmp_path, "--user", "alice", "--json")
        assert one.exit_code == 0, one.output
        assert json.loads(one.stdout)["day"]["spent_usd"] == "0.25"
        assert "token names no plan" in one.stderr
        everybody = await asyncio.to_thread(budget, tmp_path, "--all", "--json")
        assert [each["user_id"] for each in json.loads(everybody.stdout)["users"]] == ["alice", "bob"]
        for words, shown in ((("--user", "alice"), "no bound"), (("--all",), "alice")):
            told = await asyncio.to_thread(budget, tmp_path, *words)
            assert shown in told.stdout
            assert "$0.25" in told.stdout


def test_without_a_server_it_says_how_to_start_one(tmp_path: Path) -> None:
    told = budget(tmp_path)
    assert told.exit_code == 1
    assert "netra serve" in told.output
