"""What requests to models cost, in PostgreSQL: written and read in the name of the owner. One reservation of an owner is made
at a time, whichever process makes it."""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from ...core.budgets import ModelUse, Period, RunBudget, Spender, Spent, subject_of
from ...core.budgets import storable as storable_use
from ...spend_ports import SPENDERS, USES_A_PAGE
from ...usage.money import dollars
from ..event_log.model_uses import COLUMNS, MOST_OF_A_DAY, amount, mark_of, row_of, use_of
from .batch import storable
from .connection import name_owner
from .pool import PostgresConnectionPool
from .reader import AS_OWNER

_OWNERS_AT_ONCE: Final = 100
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('netra.spend'), hashtext($1))"
_STORED: Final = """
SELECT coalesce(usd, 0), input_tokens + output_tokens, settled, day FROM model_use
WHERE owner = $1 AND call_id = $2 AND attempt = $3
"""
_PUT: Final = f"""
INSERT INTO model_use AS m ({COLUMNS}) VALUES ({", ".join(f"${n}" for n in range(1, 14))})
ON CONFLICT (owner, call_id, attempt) DO UPDATE SET model = excluded.model, usd = excluded.usd,
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    cache_read_tokens = excluded.cache_read_tokens, cache_write_tokens = excluded.cache_write_tokens,
    reasoning_tokens = excluded.reasoning_tokens, settled = excluded.settled
"""
_ADD: Final = f"""
INSERT INTO spend AS s (subject, day, usd, tokens, requests) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (subject, day) DO UPDATE SET
    usd = least(s.usd + excluded.usd, {MOST_OF_A_DAY}), tokens = s.tokens + excluded.tokens,
    requests = s.requests + excluded.requests
"""
_SPENT: Final = """
SELECT r.usd, r.tokens, d.day_usd, d.day_tokens, d.month_usd, d.month_tokens FROM (
    SELECT coalesce(sum(m.usd), 0)::bigint AS usd, coalesce(sum(m.input_tokens + m.output_tokens), 0)::bigint AS tokens
    FROM model_use m WHERE m.owner = {owner} AND m.call_id > $2 || ':' AND m.call_id < $2 || ';'
) AS r CROSS JOIN (
    SELECT coalesce(sum(s.usd) FILTER (WHERE s.day = $4), 0)::bigint AS day_usd,
        coalesce(sum(s.tokens) FILTER (WHERE s.day = $4), 0)::bigint AS day_tokens,
        coalesce(sum(s.usd), 0)::bigint AS month_usd, coalesce(sum(s.tokens), 0)::bigint AS month_tokens
    FROM spend s WHERE s.subject = $3 AND s.day BETWEEN left($4, 7) || '-01' AND left($4, 7) || '-31'
) AS d
"""
_SPENT_HERE: Final = _SPENT.format(owner="$1")
_SPENT_AS_OWNER: Final = f"SELECT found.* FROM {AS_OWNER} ({_SPENT.format(owner='asked.owner')}) AS found"
_PAGE: Final = f"""
SELECT found.* FROM {AS_OWNER} (
    SELECT {COLUMNS} FROM model_use m WHERE m.owner = asked.owner AND (m.call_id, m.attempt) > ($2::text, $3::integer)
    ORDER BY m.call_id, m.attempt LIMIT {USES_A_PAGE}
) AS found ORDER BY found.call_id, found.attempt
"""
_MARK: Final = f"""
SELECT found.* FROM {AS_OWNER} (
    SELECT count(*), sum(m.input_tokens + m.output_tokens)::bigint, max(m.call_id) FROM model_use m
    WHERE m.owner = asked.owner AND m.settled
) AS found
"""
_SPENDERS: Final = f"""
SELECT owner, coalesce(sum(usd), 0)::bigint AS usd, sum(input_tokens + output_tokens)::bigint AS tokens, count(*) AS requests
FROM model_use WHERE day BETWEEN $1 AND $2 GROUP BY owner ORDER BY 2 DESC, 3 DESC, 1 LIMIT {SPENDERS}
"""
_OWNERS: Final = f"SELECT DISTINCT owner FROM model_use WHERE day < $1 LIMIT {_OWNERS_AT_ONCE}"
_EXPIRE: Final = "DELETE FROM model_use WHERE owner = $1 AND day < $2 RETURNING true"


class PostgresSpending:
    """``spend_ports.SpendStore`` over the event log's connections."""

    def __init__(self, readers: PostgresConnectionPool, writers: PostgresConnectionPool) -> None:
        self._readers = readers
        self._writers = writers

    @asynccontextmanager
    async def _as(self, owner: str) -> AsyncIterator[asyncpg.Connection]:
        """A transaction in the name of this owner, the only one that changes the owner's sums. Raises
        ``DependencyUnavailable``."""
        async with self._writers.line() as connection, connection.transaction():
            await name_owner(connection, owner)
            await connection.execute(_ONE_AT_A_TIME, owner)
            yield connection

    async def reserve(self, use: ModelUse, budget: RunBudget) -> Period | None:
        async with self._as(use.owner) as connection:
            if await connection.fetchrow(_STORED, use.owner, use.call_id, use.attempt) is not None:
                return None
            row = await connection.fetchrow(_SPENT_HERE, use.owner, use.run_id, subject_of(use.owner), use.day)
            refused = budget.exceeded(_spent(row), use.amount)
            if refused is None:
                await _store(connection, use)
            return refused

    async def settle(self, use: ModelUse) -> None:
        async with self._as(use.owner) as connection:
            await _store(connection, use)

    async def spent(self, owner: str, run_id: str, day: str) -> Spent:
        rows = await self._readers.ask(_SPENT_AS_OWNER, owner, storable(run_id), subject_of(owner), day)
        return _spent(rows[0])

    async def uses(self, owner: str, after: tuple[str, int] = ("", 0)) -> list[ModelUse]:
        return [use_of(tuple(row)) for row in await self._readers.ask(_PAGE, owner, *after)]

    async def mark(self, owner: str) -> str:
        return mark_of((await self._readers.ask(_MARK, owner))[0])

    async def spenders(self, month: str) -> list[Spender]:
        rows = await self._writers.ask(_SPENDERS, f"{month}-01", f"{month}-31")
        return [Spender(row["owner"], dollars(row["usd"]), row["tokens"], row["requests"]) for row in rows]

    async def remove_all(self, owner: str) -> None:
        """Delete all attempts of the owner; their sums stay."""
        async with self._as(owner) as connection:
            await connection.execute("DELETE FROM model_use WHERE owner = $1", owner)

    async def expire(self, before_day: str, sums_before_day: str) -> int:
        count = 0
        for row in await self._writers.ask(_OWNERS, before_day):
            async with self._as(row["owner"]) as connection:
                count += len(await connection.fetch(_EXPIRE, row["owner"], before_day))
        async with self._writers.line() as connection:
            await connection.execute("DELETE FROM spend WHERE day < $1", sums_before_day)
        return count


async def _store(connection: asyncpg.Connection, use: ModelUse) -> None:
    """Put the attempt in the place of its reservation, and what that changes into the sums."""
    use = storable_use(use)
    row = row_of(use)
    stored = await connection.fetchrow(_STORED, use.owner, use.call_id, use.attempt)
    day, usd, tokens, requests = use.day, row[6] or 0, use.amount.tokens, 1
    if stored is not None:
        if stored["settled"]:
            return
        day, usd, tokens, requests = stored["day"], usd - stored[0], tokens - stored[1], 0
    elif use.is_reserved:
        return
    await connection.execute(_PUT, *row)
    await connection.execute(_ADD, subject_of(use.owner), day, usd, tokens, requests)


def _spent(row: asyncpg.Record) -> Spent:
    return Spent(amount(row[0:2]), amount(row[2:4]), amount(row[4:6]))
