"""What model requests cost in a memory store: a backup has it, and who looks waits."""

from __future__ import annotations

from decimal import Decimal

from netra_backend.app.core.budgets import ModelUse, RunBudget
from test_framework.memory.spending import MemorySpending
from test_framework.memory.store import MemoryStore


async def test_a_backup_has_what_was_spent_and_is_independent_of_the_store() -> None:
    store, waits = MemoryStore(), list[int]()

    async def wait() -> None:
        waits.append(len(waits))

    spending = MemorySpending(store, wait)
    await spending.reserve(ModelUse("user_ada", "run_1:1", 1, 0, "2026-11-30", "m", Decimal(1), 1, 1), RunBudget())
    backup = store.copy()
    await spending.reserve(ModelUse("user_ada", "run_1:2", 1, 0, "2026-11-30", "m", Decimal(1), 1, 1), RunBudget())
    assert (len(backup.model_uses), len(store.model_uses)) == (1, 2)
    assert sum(amount.usd for amount in backup.spend.values()) == 1
    assert len(waits) == 2
