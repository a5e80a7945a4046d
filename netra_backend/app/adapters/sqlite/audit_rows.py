"""The embedded audit trail's tables: opening them, and what is read and written of them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from ...core.audit_chain import ChainKeys, Entry, SealedRow, Statement
from ..audit.rows import Record, adopted_record, adoption, entries_of, names_in, new_subject
from ..audit.verification import PAGE, ROW, require_removable
from ..migrations.history import statements_in
from .schema import connect_privately, open_reader

_HAS_TABLE: Final = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
_INSERT: Final = f"INSERT INTO audit ({ROW}, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # constants alone
_SCHEMA: Final = Path(__file__).with_name("audit.sql")
_UNCHAINED: Final = "audit_unchained"


def open_trail(path: Path, keys: ChainKeys, now_ms: int) -> sqlite3.Connection:
    """The one writing connection, with the tables. Rows of release 0.1.0, which had no chain, become the chain's first rows,
    in one transaction with making the tables."""
    connection = connect_privately(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute(_HAS_TABLE, ("audit_checkpoint",)).fetchone()[0]:
            is_older = connection.execute(_HAS_TABLE, ("audit",)).fetchone()[0]
            if is_older:
                connection.execute(f"ALTER TABLE audit RENAME TO {_UNCHAINED}")
            for statement in statements_in(_SCHEMA):
                connection.execute(statement)
            if is_older:
                _adopt(connection, keys, now_ms)
                connection.execute(f"DROP TABLE {_UNCHAINED}")
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except BaseException:
        connection.close()
        raise
    return connection


def _adopt(connection: sqlite3.Connection, keys: ChainKeys, now_ms: int) -> None:
    seal, count, last = keys.beginning, 0, 0
    rows = connection.execute(f"SELECT id, owner, at, event, point, detail FROM {_UNCHAINED} ORDER BY id")  # noqa: S608
    while page := rows.fetchmany(PAGE):
        entries: list[Entry] = []
        records: list[tuple[int, Record]] = []
        for id, owner, *rest in page:
            at, event, point, detail = rest
            records.append((id, adopted_record(owner, (at, event, point, detail))))
        subjects = subjects_of(connection, names_in(record for _, record in records))
        for id, record in records:
            entries += entries_of([record], subjects, id - 1)
        sealed = keys.seal_all(seal, entries)
        insert(connection, keys.chain, sealed)
        if sealed:
            seal, count, last = sealed[-1].seal, count + len(sealed), sealed[-1].entry.id
    if count:
        noted = entries_of([adoption(count, now_ms)], {}, last)
        insert(connection, keys.chain, keys.seal_all(seal, noted))


def insert(connection: sqlite3.Connection, chain: str, rows: Iterable[SealedRow]) -> None:
    """Append sealed rows, in the transaction that is open."""
    connection.executemany(_INSERT, ((*row.entry, row.seal, chain) for row in rows))


def subjects_of(connection: sqlite3.Connection, owners: Iterable[str]) -> dict[str, str]:
    """The pseudonym of each of these users, given out where one had none yet."""
    found: dict[str, str] = {}
    for owner in owners:
        connection.execute("INSERT OR IGNORE INTO audit_subject (owner, subject) VALUES (?, ?)", (owner, new_subject()))
        (found[owner],) = connection.execute("SELECT subject FROM audit_subject WHERE owner = ?", (owner,)).fetchone()
    return found


def owners_of(connection: sqlite3.Connection, subjects: Iterable[str]) -> dict[str, str]:
    """The users that these pseudonyms still lead to."""
    found: dict[str, str] = {}
    for subject in subjects:
        row = connection.execute("SELECT owner FROM audit_subject WHERE subject = ?", (subject,)).fetchone()
        if row is not None:
            found[subject] = row[0]
    return found


def checkpoint_of(connection: sqlite3.Connection, chain: str) -> Statement | None:
    """The chain's newest checkpoint."""
    row = connection.execute(
        "SELECT id, seal, count, at, mac FROM audit_checkpoint WHERE chain = ? ORDER BY id DESC LIMIT 1", (chain,)
    ).fetchone()
    if row is None:
        return None
    id, seal, count, at, mac = row
    numbers = [each if isinstance(each, int) else -1 for each in (id, count, at)]
    data = [each if isinstance(each, bytes) else b"" for each in (seal, mac)]  # a store may be made to hold anything
    return Statement("checkpoint", chain, numbers[0], data[0], numbers[1], numbers[2], data[1])


def row_up_to(connection: sqlite3.Connection, chain: str, id: int) -> SealedRow | None:
    """The chain's last row with at most this id."""
    row = connection.execute(
        f"SELECT {ROW} FROM audit WHERE id <= ? AND chain = ? ORDER BY id DESC LIMIT 1",  # noqa: S608
        (id, chain),
    ).fetchone()
    return None if row is None else sealed(row)


def newest_id(connection: sqlite3.Connection) -> int:
    """The highest id that was ever given out, in any chain."""
    newest, cut = connection.execute(
        "SELECT (SELECT max(id) FROM audit), (SELECT max(id) FROM audit_checkpoint)"
    ).fetchone()
    return max(newest or 0, cut or 0)


def cut(connection: sqlite3.Connection, keys: ChainKeys, before_ms: int, now_ms: int) -> int:
    """Remove the rows at the chain's beginning that are older, behind a checkpoint, in the transaction that is open. Raises
    ``BrokenTrail``. Runs a loop of its own: for a thread without one."""
    chain = keys.chain
    kept = connection.execute(
        "SELECT id FROM audit WHERE chain = ? AND at >= ? ORDER BY id LIMIT 1", (chain, before_ms)
    ).fetchone()
    last = row_up_to(connection, chain, kept[0] - 1 if kept else (1 << 62))
    if last is None:
        return 0
    earlier = checkpoint_of(connection, chain)
    removed = asyncio.run(require_removable(SqliteTrailReader(connection, bool), keys, last.entry.id))
    count = removed + (earlier.rows if earlier is not None else 0)
    _, _, *columns = keys.state("checkpoint", last.entry.id, last.seal, count, now_ms)
    connection.execute(
        "INSERT INTO audit_checkpoint (chain, id, seal, count, at, mac) VALUES (?, ?, ?, ?, ?, ?)", (chain, *columns)
    )
    connection.execute("DELETE FROM audit WHERE chain = ? AND id <= ?", (chain, last.entry.id))
    return removed


def sealed(row: Sequence[object]) -> SealedRow:
    """A stored row, whatever is stored in its columns: what has another type than it should fits no seal."""
    *entry, seal = row
    return SealedRow(Entry(*entry), seal if isinstance(seal, bytes) else b"")  # type: ignore[arg-type]


def _any_text(data: bytes) -> str:
    """What is no text, as text that fits no seal."""
    return data.decode("utf-8", "surrogateescape")


@contextmanager
def reading_trail(path: Path, is_over: Callable[[], bool] = bool) -> Iterator[SqliteTrailReader]:
    """The trail as it stands at this moment, while a server may go on writing. Raises ``sqlite3.Error``, also as soon as
    ``is_over`` says that nobody waits for it."""
    with closing(open_reader(path)) as connection:
        connection.text_factory = _any_text
        connection.execute("BEGIN")
        yield SqliteTrailReader(connection, is_over)


class SqliteTrailReader:
    """``TrailReader`` over one read transaction. It never waits for the loop, and blocks: a trail is read in a thread."""

    def __init__(self, connection: sqlite3.Connection, is_over: Callable[[], bool]) -> None:
        self._connection = connection
        self._is_over = is_over

    async def chains(self) -> list[str]:
        return [row[0] for row in self._connection.execute("SELECT DISTINCT chain FROM audit ORDER BY chain")]

    async def checkpoint(self, chain: str) -> Statement | None:
        return checkpoint_of(self._connection, chain)

    async def rows(self, chain: str, after: int | None) -> list[SealedRow]:
        if self._is_over():
            raise sqlite3.OperationalError("the trail is closed")
        behind = "TRUE" if after is None else "id > :after"
        found = self._connection.execute(
            f"SELECT {ROW} FROM audit WHERE {behind} AND chain = :chain ORDER BY id LIMIT {PAGE}",  # noqa: S608
            {"after": after, "chain": chain},
        )
        return [sealed(row) for row in found]

    async def row_up_to(self, chain: str, id: int) -> SealedRow | None:
        return row_up_to(self._connection, chain, id)

    async def id_from_end(self, chain: str, count: int) -> int:
        row = self._connection.execute(
            "SELECT id FROM audit WHERE chain = ? ORDER BY id DESC LIMIT 1 OFFSET ?", (chain, count)
        ).fetchone()
        return int(row[0]) if row is not None else 0
