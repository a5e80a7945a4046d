"""What requests to models cost, in the embedded store: beside the events, and written by the same thread."""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ...core.budgets import ModelUse, Period, RunBudget, Spender, Spent, storable, subject_of
from ...core.fair_turns import NOBODY
from ...spend_ports import SPENDERS, USES_A_PAGE
from ...usage.money import dollars
from ..event_log.model_uses import COLUMNS, MOST_OF_A_DAY, amount, mark_of, row_of, use_of

_EXPIRED_AT_ONCE: Final = 1000
_PUT: Final = f"INSERT OR REPLACE INTO model_use ({COLUMNS}) VALUES ({', '.join('?' * 13)})"
_STORED: Final = """
SELECT coalesce(usd, 0), input_tokens + output_tokens, settled, day FROM model_use
WHERE owner = ? AND call_id = ? AND attempt = ?
"""
_ADD: Final = f"""
INSERT INTO spend (subject, day, usd, tokens, requests) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (subject, day) DO UPDATE SET
    usd = min(usd + excluded.usd, {MOST_OF_A_DAY}), tokens = tokens + excluded.tokens, requests = requests + excluded.requests
"""
_OF_RUN: Final = """
SELECT coalesce(sum(usd), 0), coalesce(sum(input_tokens + output_tokens), 0) FROM model_use
WHERE owner = ? AND call_id > ? AND call_id < ?
"""
_OF_DAYS: Final = """
SELECT coalesce(sum(usd), 0), coalesce(sum(tokens), 0) FROM spend WHERE subject = ? AND day BETWEEN ? AND ?
"""
_PAGE: Final = f"""
SELECT {COLUMNS} FROM model_use WHERE owner = ? AND (call_id, attempt) > (?, ?) ORDER BY call_id, attempt LIMIT {USES_A_PAGE}
"""
_MARK: Final = """
SELECT count(*), sum(input_tokens + output_tokens), max(call_id) FROM model_use WHERE owner = ? AND settled
"""
_SPENDERS: Final = f"""
SELECT owner, coalesce(sum(usd), 0) AS usd, sum(input_tokens + output_tokens) AS tokens, count(*) FROM model_use
WHERE day BETWEEN ? AND ? GROUP BY owner ORDER BY usd DESC, tokens DESC, owner LIMIT {SPENDERS}
"""


class _Reserve:
    erases = False

    def __init__(self, use: ModelUse, budget: RunBudget) -> None:
        self._use = use
        self._budget = budget
        self.done: Period | None = None

    def __call__(self, connection: sqlite3.Connection) -> None:
        use = self._use
        if connection.execute(_STORED, (use.owner, use.call_id, use.attempt)).fetchone() is not None:
            return
        self.done = self._budget.exceeded(_spent(connection, use.owner, use.run_id, use.day), use.amount)
        if self.done is None:
            _store(connection, use)


class _Settle:
    erases = False

    def __init__(self, use: ModelUse) -> None:
        self._use = use

    def __call__(self, connection: sqlite3.Connection) -> None:
        _store(connection, self._use)


class _Expire:
    erases = True

    def __init__(self, before_day: str, sums_before_day: str) -> None:
        self._given = (before_day, sums_before_day)
        self.done = 0

    def __call__(self, connection: sqlite3.Connection) -> None:
        before_day, sums_before_day = self._given
        old = connection.execute(
            f"SELECT owner, call_id, attempt FROM model_use WHERE day < ? LIMIT {_EXPIRED_AT_ONCE}", (before_day,)
        ).fetchall()
        connection.executemany("DELETE FROM model_use WHERE owner = ? AND call_id = ? AND attempt = ?", old)
        connection.execute("DELETE FROM spend WHERE day < ?", (sums_before_day,))
        self.done = len(old)


class SqliteSpending:
    """``spend_ports.SpendStore`` over the connections of the event log: ``change`` and ``read`` are the log's."""

    def __init__(self, change: Callable[..., Awaitable[None]], read: Callable[..., Awaitable[Any]]) -> None:
        self._change = change
        self._read = read

    async def reserve(self, use: ModelUse, budget: RunBudget) -> Period | None:
        change = _Reserve(use, budget)
        await self._change(change)
        return change.done

    async def settle(self, use: ModelUse) -> None:
        await self._change(_Settle(use), may_wait=True)

    async def spent(self, owner: str, run_id: str, day: str) -> Spent:
        spent: Spent = await self._read(owner, _spent, owner, run_id, day)
        return spent

    async def uses(self, owner: str, after: tuple[str, int] = ("", 0)) -> list[ModelUse]:
        return [use_of(row) for row in await self._read(owner, _rows, _PAGE, owner, *after)]

    async def mark(self, owner: str) -> str:
        return mark_of((await self._read(owner, _rows, _MARK, owner))[0])

    async def spenders(self, month: str) -> list[Spender]:
        rows = await self._read(NOBODY, _rows, _SPENDERS, f"{month}-01", f"{month}-31")
        return [Spender(owner, dollars(usd), tokens, requests) for owner, usd, tokens, requests in rows]

    async def expire(self, before_day: str, sums_before_day: str) -> int:
        change = _Expire(before_day, sums_before_day)
        await self._change(change)
        return change.done


def _store(connection: sqlite3.Connection, use: ModelUse) -> None:
    """Put the attempt in the place of its reservation, and what that changes into the sums."""
    use = storable(use)
    row = row_of(use)
    stored = connection.execute(_STORED, (use.owner, use.call_id, use.attempt)).fetchone()
    if stored is not None:
        usd, tokens, is_settled, day = stored
        if is_settled:
            return
        connection.execute(_PUT, (*row[:4], day, *row[5:]))
        more = (day, (row[6] or 0) - usd, use.amount.tokens - tokens, 0)
    elif use.is_reserved:
        return
    else:
        connection.execute(_PUT, row)
        more = (use.day, row[6] or 0, use.amount.tokens, 1)
    connection.execute(_ADD, (subject_of(use.owner), *more))


def _spent(connection: sqlite3.Connection, owner: str, run_id: str, day: str) -> Spent:
    subject = subject_of(owner)
    return Spent(
        amount(connection.execute(_OF_RUN, (owner, f"{run_id}:", f"{run_id};")).fetchone()),
        amount(connection.execute(_OF_DAYS, (subject, day, day)).fetchone()),
        amount(connection.execute(_OF_DAYS, (subject, f"{day[:7]}-01", f"{day[:7]}-31")).fetchone()),
    )


def _rows(connection: sqlite3.Connection, question: str, *given: object) -> list[tuple[Any, ...]]:
    return connection.execute(question, given).fetchall()
