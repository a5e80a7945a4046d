"""The tables of the audit trail in PostgreSQL: what is read and written of them, each within the caller's transaction."""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import asyncpg

from ...core.audit_chain import ChainKeys, Entry, SealedRow, Statement
from ...core.limits import USUAL, Limits
from ..audit.numbering import free_after
from ..audit.rows import Record, adopted_record, adoption, entries_of, names_in
from ..audit.subjects import (
    FORGOTTEN,
    MAX_OF_USER,
    SEALED,
    Subject,
    current,
    forgotten_entries,
    new_subject,
    owners_in,
    sealable,
    sealing,
)
from ..audit.verification import PAGE, ROW, BrokenTrail, require_removable
from .connection import WRITER, connect

_LOCK: Final = 0x6E65747261_61  # "netra" and "a"
"""Who appends holds it to the end of the transaction: rows of all processes follow on each other."""

_INSERT: Final = f"""
INSERT INTO audit ({ROW}, chain)
SELECT id, at, subject, event, point, detail, seal, $8
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])
    AS row (id, at, subject, event, point, detail, seal)
"""
_LINES: Final = "SELECT subject, owner, seal FROM audit_subject"
_INSERT_LINES: Final = """
INSERT INTO audit_subject (subject, owner, seal, chain)
SELECT subject, owner, seal, $4 FROM unnest($1::text[], $2::text[], $3::bytea[]) AS line (subject, owner, seal)
ON CONFLICT DO NOTHING
"""
_TO_SEAL: Final = """
SELECT EXISTS (SELECT FROM audit a JOIN audit_subject s ON s.chain = '' AND s.subject = a.subject WHERE a.chain = $1)
    AND NOT EXISTS (SELECT FROM audit WHERE chain = $1 AND event = $2)
"""
_OWNS: Final = "SELECT count(*) FROM audit WHERE subject = ANY ($1::text[])"
_HAS_BEGUN: Final = "SELECT EXISTS (SELECT FROM audit) OR EXISTS (SELECT FROM audit_checkpoint)"
_TAKEN: Final = "SELECT max(id) FROM audit WHERE id > $1 AND id <= $2"
_UNCHAINED: Final = "SELECT id, owner, at, event, point, detail FROM audit_unchained WHERE id > $1 ORDER BY id LIMIT $2"
_CUT: Final = "SELECT cut_audit($1, $2, $3, $4, $5, $6)"
_CLOSE_S: Final = 3.0


class Head(NamedTuple):
    """Where a chain stands: its last row (0: none) and that one's seal; how many rows were appended to get there."""

    last: int
    seal: bytes
    appended: int = 0


async def lock(connection: asyncpg.Connection) -> None:
    """Let nobody else append until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def head_of(connection: asyncpg.Connection, keys: ChainKeys) -> Head:
    """Where the chain of this key stands."""
    checkpoint = await checkpoint_of(connection, keys.chain)
    row = await row_up_to(connection, keys.chain, (1 << 63) - 1)
    if row is not None:
        return Head(row.entry.id, row.seal)
    return Head(0, keys.beginning) if checkpoint is None else Head(checkpoint.id, checkpoint.seal)


async def append(connection: asyncpg.Connection, keys: ChainKeys, records: Sequence[Record], head: Head) -> Head:
    """Append records behind ``head``; where the chain stands then. The caller holds the lock. Raises
    ``DependencyUnavailable`` if no number is found for them."""
    subjects = await subjects_of(connection, keys, names_in(records))
    after = await _free_after(connection, head, len(records))
    return await _insert(connection, keys, entries_of(records, subjects, after), head)


async def _free_after(connection: asyncpg.Connection, head: Head, count: int) -> int:
    """The number behind which that many are free."""
    numbers = free_after(head.last, count)
    asked = next(numbers)
    while True:
        taken = await connection.fetchval(_TAKEN, *asked)
        try:
            asked = numbers.send(taken)
        except StopIteration as found:
            return int(found.value)


async def _insert(connection: asyncpg.Connection, keys: ChainKeys, entries: list[Entry], head: Head) -> Head:
    rows = keys.seal_all(head.seal, entries)
    if not rows:
        return head
    columns = [[row.entry[place] for row in rows] for place in range(6)]
    await connection.execute(_INSERT, *columns, [row.seal for row in rows], keys.chain)
    last = rows[-1]
    return Head(last.entry.id, last.seal, head.appended + len(rows))


async def adopt(connection: asyncpg.Connection, keys: ChainKeys, now_ms: int) -> None:
    """Put the rows of release 0.1.0, which had no chain, at the beginning of this one, if no chain has begun yet. The caller
    holds the lock."""
    if await connection.fetchval(_HAS_BEGUN):
        return
    head = await head_of(connection, keys)
    count = after = 0
    while page := await connection.fetch(_UNCHAINED, after, PAGE):
        records = [(row[0], adopted_record(row[1], (row[2], row[3], row[4], row[5]))) for row in page]
        subjects = await subjects_of(connection, keys, names_in(record for _, record in records))
        entries = [entry for id, record in records for entry in entries_of([record], subjects, id - 1)]
        head = await _insert(connection, keys, entries, head)
        after, count = page[-1][0], count + len(entries)
    if count:
        await append(connection, keys, [adoption(count, now_ms)], head)
        await connection.execute("SELECT forget_unchained_audit()")


async def seal_subjects(connection: asyncpg.Connection, keys: ChainKeys, now_ms: int) -> None:
    """Seal, once, pseudonyms that had no seal, if rows of this chain name some, and append a row that tells of it. The caller
    holds the lock, and the chain was found to be intact."""
    if not await connection.fetchval(_TO_SEAL, keys.chain, SEALED):
        return
    after, count = "", 0
    page = "SELECT owner, subject FROM audit_subject WHERE chain = '' AND subject > $1 ORDER BY subject LIMIT $2"
    while unsealed := await connection.fetch(page, after, PAGE):
        lines = sealable(map(tuple, unsealed), keys)
        await _insert_lines(connection, keys.chain, lines)
        after, count = unsealed[-1]["subject"], count + len(lines)
    await append(connection, keys, [sealing(count, now_ms)], await head_of(connection, keys))


async def subjects_of(connection: asyncpg.Connection, keys: ChainKeys, owners: list[str]) -> dict[str, str]:
    """The pseudonym of each of these users in this chain, given out where one had none yet, or none that its seal holds. The
    caller holds the lock."""
    if not owners:
        return {}
    rows = await connection.fetch(f"{_LINES} WHERE owner = ANY ($1::text[]) AND chain = $2", owners, keys.chain)
    lines: dict[str, list[Subject]] = {}
    for line in map(_line, rows):
        lines.setdefault(line.owner, []).append(line)
    found = {owner: current(keys, lines.get(owner, ())) for owner in owners}
    fresh = {owner: new_subject() for owner, subject in found.items() if subject is None}
    if fresh:
        sealed = [Subject(subject, owner, keys.seal_subject(subject, owner)) for owner, subject in fresh.items()]
        await _insert_lines(connection, keys.chain, sealed)
    return {owner: subject or fresh[owner] for owner, subject in found.items()}


async def _insert_lines(connection: asyncpg.Connection, chain: str, lines: Sequence[Subject]) -> None:
    columns = [[line[place] for line in lines] for place in range(3)]
    await connection.execute(_INSERT_LINES, *columns, chain)


async def lines_of(connection: asyncpg.Connection, chain: str, owner: str) -> list[Subject]:
    """What the table says of a user in one chain."""
    rows = await connection.fetch(f"{_LINES} WHERE owner = $1 AND chain = $2 LIMIT {MAX_OF_USER}", owner, chain)
    return [_line(row) for row in rows]


async def owners_of(connection: asyncpg.Connection, keys: ChainKeys, subjects: Iterable[str]) -> dict[str, str]:
    """The users that these pseudonyms still lead to, as far as their seals hold."""
    asked = list(subjects)
    return owners_in(keys, await _lines_about(connection, keys.chain, asked)) if asked else {}


async def forget(
    connection: asyncpg.Connection, keys: ChainKeys, owner: str, head: Head, now_ms: int
) -> tuple[int, Head]:
    """Delete what leads to a user, in all chains, and append rows behind ``head`` that tell of it: how many rows were theirs, and
    where the chain stands then. The caller holds the lock, and its transaction names the user."""
    gone = await connection.fetch(
        "DELETE FROM audit_subject WHERE owner = $1 RETURNING subject, owner, seal, chain", owner
    )
    lines = [(row["chain"], _line(row)) for row in gone]
    count: int = await connection.fetchval(_OWNS, [line.subject for _, line in lines])
    after = await _free_after(connection, head, len(lines))
    return count, await _insert(connection, keys, forgotten_entries(keys, lines, now_ms, after), head)


async def _lines_about(connection: asyncpg.Connection, chain: str, subjects: Sequence[str]) -> list[Subject]:
    rows = await connection.fetch(f"{_LINES} WHERE chain = $1 AND subject = ANY ($2::text[])", chain, subjects)
    return [_line(row) for row in rows]


def _line(row: Any) -> Subject:
    return Subject(row["subject"], row["owner"], bytes(row["seal"]))


async def checkpoint_of(connection: asyncpg.Connection, chain: str) -> Statement | None:
    """The chain's newest checkpoint."""
    row = await connection.fetchrow(
        "SELECT id, seal, count, at, mac FROM audit_checkpoint WHERE chain = $1 ORDER BY id DESC LIMIT 1", chain
    )
    return None if row is None else Statement("checkpoint", chain, *row)


async def row_up_to(connection: asyncpg.Connection, chain: str, id: int) -> SealedRow | None:
    """The chain's last row with at most this id."""
    row = await connection.fetchrow(
        f"SELECT {ROW} FROM audit WHERE chain = $1 AND id <= $2 ORDER BY id DESC LIMIT 1", chain, id
    )
    return None if row is None else _sealed(row)


async def cut(connection: asyncpg.Connection, keys: ChainKeys, before_ms: int, now_ms: int) -> int:
    """Remove the rows at the chain's beginning that are older, behind a checkpoint; how many. The caller holds the lock.
    Raises ``BrokenTrail``."""
    chain = keys.chain
    kept = await connection.fetchval(
        "SELECT id FROM audit WHERE chain = $1 AND at >= $2 ORDER BY id LIMIT 1", chain, before_ms
    )
    last = await row_up_to(connection, chain, kept - 1 if kept else (1 << 63) - 1)
    if last is None:
        return 0
    earlier = await checkpoint_of(connection, chain)
    count = await require_removable(PostgresTrailReader(connection), keys, last.entry.id)
    before = earlier.rows if earlier is not None else 0
    _, _, *columns = keys.state("checkpoint", last.entry.id, last.seal, before + count, now_ms)
    removed: int = await connection.fetchval(_CUT, chain, *columns)
    if removed != count:  # whoever changes rows behind the server's back holds no lock
        raise BrokenTrail(f"rows up to row {last.entry.id} came or went while they were removed")
    return removed


def _sealed(row: Any) -> SealedRow:
    *entry, seal = row
    return SealedRow(Entry(*entry), bytes(seal))


@asynccontextmanager
async def reading_trail(url: str, limits: Limits = USUAL) -> AsyncIterator[PostgresTrailReader]:
    """The trail as it stands at this moment, over a connection of its own. Raises ``TROUBLE``."""
    connection = await connect(url, WRITER, limits)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield PostgresTrailReader(connection)
    finally:
        await connection.close(timeout=_CLOSE_S)


class PostgresTrailReader:
    """``TrailReader`` in one transaction, as the role that appends: it alone sees across owners, and their pseudonyms."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def chains(self) -> list[str]:
        return [row[0] for row in await self._connection.fetch("SELECT DISTINCT chain FROM audit ORDER BY chain")]

    async def subjects(self, chain: str, names: Sequence[str]) -> list[Subject]:
        return await _lines_about(self._connection, chain, names)

    async def all_subjects(self, chain: str, after: str) -> list[Subject]:
        rows = await self._connection.fetch(
            f"{_LINES} WHERE chain = $1 AND subject > $2 ORDER BY subject LIMIT {PAGE}", chain, after
        )
        return [_line(row) for row in rows]

    async def forgotten(self, names: Sequence[str]) -> list[tuple[str, str]]:
        rows = await self._connection.fetch(
            f"SELECT DISTINCT subject, chain FROM audit WHERE event = '{FORGOTTEN}' AND subject = ANY ($1::text[])",
            names,
        )
        return [(row["subject"], row["chain"]) for row in rows]

    async def checkpoint(self, chain: str) -> Statement | None:
        return await checkpoint_of(self._connection, chain)

    async def rows(self, chain: str, after: int | None) -> list[SealedRow]:
        behind, values = ("TRUE", ()) if after is None else ("id > $2", (after,))
        rows = await self._connection.fetch(
            f"SELECT {ROW} FROM audit WHERE chain = $1 AND {behind} ORDER BY id LIMIT {PAGE}", chain, *values
        )
        return [_sealed(row) for row in rows]

    async def row_up_to(self, chain: str, id: int) -> SealedRow | None:
        return await row_up_to(self._connection, chain, id)

    async def id_from_end(self, chain: str, count: int) -> int:
        id = await self._connection.fetchval(
            "SELECT id FROM audit WHERE chain = $1 ORDER BY id DESC OFFSET $2 LIMIT 1", chain, count
        )
        return id or 0
