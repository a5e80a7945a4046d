"""The embedded audit trail's tables: opening them, and what is read and written of them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from ...core.audit_chain import ChainKeys, Entry, SealedRow, Statement
from ..audit.numbering import free_after
from ..audit.rows import Record, adopted_record, adoption, entries_of, names_in
from ..audit.subjects import MAX_OF_USER, SEALED, Subject, current, new_subject, owners_in, sealable, sealing
from ..audit.verification import PAGE, ROW, require_removable
from ..migrations.history import statements_in
from .schema import connect_privately, open_reader

_HAS_TABLE: Final = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
_INSERT: Final = f"INSERT INTO audit ({ROW}, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # constants alone
_SCHEMA: Final = Path(__file__).with_name("audit.sql")
_HAS_SEALS: Final = "SELECT count(*) FROM pragma_table_info('audit_subject') WHERE name = 'seal'"
_UNCHAINED: Final = "audit_unchained"
_UNSEALED: Final = "audit_subject_unsealed"
_TO_SEAL: Final = """
SELECT EXISTS (SELECT 1 FROM audit a JOIN audit_subject s ON s.chain = '' AND s.subject = a.subject WHERE a.chain = :chain)
    AND NOT EXISTS (SELECT 1 FROM audit WHERE chain = :chain AND event = :sealed)
"""


def open_trail(path: Path, keys: ChainKeys, now_ms: int) -> sqlite3.Connection:
    """The one writing connection, with the tables. Rows of release 0.1.0, which had no chain, become the chain's first rows,
    in one transaction with making the tables; pseudonyms that had no seal keep none (``seal_subjects``)."""
    connection = connect_privately(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("BEGIN IMMEDIATE")
        has_chain = connection.execute(_HAS_TABLE, ("audit_checkpoint",)).fetchone()[0]
        is_unchained = not has_chain and connection.execute(_HAS_TABLE, ("audit",)).fetchone()[0]
        is_unsealed = has_chain and not connection.execute(_HAS_SEALS).fetchone()[0]
        if is_unchained:
            connection.execute(f"ALTER TABLE audit RENAME TO {_UNCHAINED}")
        if is_unsealed:
            connection.execute(f"ALTER TABLE audit_subject RENAME TO {_UNSEALED}")
        for statement in statements_in(_SCHEMA):
            connection.execute(statement)
        if is_unchained:
            _adopt(connection, keys, now_ms)
            connection.execute(f"DROP TABLE {_UNCHAINED}")
        if is_unsealed:
            connection.execute(
                f"INSERT INTO audit_subject (chain, subject, owner, seal) SELECT '', subject, owner, x'' FROM {_UNSEALED}"  # noqa: S608
            )
            connection.execute(f"DROP TABLE {_UNSEALED}")
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
        subjects = subjects_of(connection, keys, names_in(record for _, record in records))
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


def seal_subjects(connection: sqlite3.Connection, keys: ChainKeys, now_ms: int) -> None:
    """Seal, once, pseudonyms that had no seal, if rows of this chain name some, and append a row that tells of it. The chain was
    found to be intact."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute(_TO_SEAL, {"chain": keys.chain, "sealed": SEALED}).fetchone()[0]:
            unsealed = connection.execute("SELECT owner, subject FROM audit_subject WHERE chain = ''").fetchall()
            lines = sealable(unsealed, keys)
            _insert_subjects(connection, keys.chain, lines)
            last = row_up_to(connection, keys.chain, 1 << 62)
            after = number_after(connection, last.entry.id if last else 0, 1)
            noted = entries_of([sealing(len(lines), now_ms)], {}, after)
            insert(connection, keys.chain, keys.seal_all(last.seal if last else keys.beginning, noted))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def subjects_of(connection: sqlite3.Connection, keys: ChainKeys, owners: Iterable[str]) -> dict[str, str]:
    """The pseudonym of each of these users in this chain, given out where one had none yet, or none that its seal holds."""
    found: dict[str, str] = {}
    for owner in owners:
        subject = current(keys, lines_of(connection, keys.chain, owner))
        if subject is None:
            subject = new_subject()
            _insert_subjects(connection, keys.chain, [Subject(subject, owner, keys.seal_subject(subject, owner))])
        found[owner] = subject
    return found


def _insert_subjects(connection: sqlite3.Connection, chain: str, lines: Iterable[Subject]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO audit_subject (chain, subject, owner, seal) VALUES (?, ?, ?, ?)",
        ((chain, *line) for line in lines),
    )


def lines_of(connection: sqlite3.Connection, chain: str, owner: str) -> list[Subject]:
    """What the table says of a user in one chain."""
    rows = connection.execute(
        "SELECT subject, owner, seal FROM audit_subject WHERE owner = ? AND chain = ? LIMIT ?",
        (owner, chain, MAX_OF_USER),
    )
    return [line_of(row) for row in rows]


def take_lines(connection: sqlite3.Connection, owner: str) -> tuple[int, list[tuple[str, Subject]]]:
    """Delete what leads to a user, in all chains: how many rows there were of theirs, and the lines, each with its chain."""
    count = connection.execute(
        "SELECT count(*) FROM audit WHERE subject IN (SELECT subject FROM audit_subject WHERE owner = ?)", (owner,)
    ).fetchone()[0]
    rows = connection.execute(
        "DELETE FROM audit_subject WHERE owner = ? RETURNING chain, subject, owner, seal", (owner,)
    ).fetchall()
    return count, [(str(chain), line_of(row)) for chain, *row in rows]


def owners_of(connection: sqlite3.Connection, keys: ChainKeys, subjects: Iterable[str]) -> dict[str, str]:
    """The users that these pseudonyms still lead to, as far as their seals hold."""
    return owners_in(keys, _lines_about(connection, keys.chain, list(subjects)))


def _lines_about(connection: sqlite3.Connection, chain: str, subjects: Sequence[str]) -> list[Subject]:
    rows = connection.execute(
        "SELECT subject, owner, seal FROM audit_subject WHERE chain = ? AND subject IN (SELECT value FROM json_each(?))",
        (chain, json.dumps(subjects)),
    )
    return [line_of(row) for row in rows]


def line_of(row: Sequence[object]) -> Subject:
    """A stored line, whatever is stored in its columns: what has another type than it should fits no seal."""
    subject, owner, seal = row
    return Subject(str(subject), str(owner), seal if isinstance(seal, bytes) else b"")


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


def number_after(connection: sqlite3.Connection, last: int, count: int) -> int:
    """The number behind which that many are free; ``last`` is the chain's own. Raises ``DependencyUnavailable`` if none is
    found."""
    numbers = free_after(last, count)
    asked = next(numbers)
    while True:
        taken = connection.execute("SELECT max(id) FROM audit WHERE id > ? AND id <= ?", asked).fetchone()[0]
        try:
            asked = numbers.send(taken)
        except StopIteration as found:
            return int(found.value)


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

    async def subjects(self, chain: str, names: Sequence[str]) -> list[Subject]:
        return _lines_about(self._connection, chain, names)

    async def all_subjects(self, chain: str, after: str) -> list[Subject]:
        if self._is_over():
            raise sqlite3.OperationalError("the trail is closed")
        rows = self._connection.execute(
            "SELECT subject, owner, seal FROM audit_subject WHERE chain = ? AND subject > ? ORDER BY subject LIMIT ?",
            (chain, after, PAGE),
        )
        return [line_of(row) for row in rows]

    async def forgotten(self, names: Sequence[str]) -> list[tuple[str, str]]:
        rows = self._connection.execute(
            "SELECT DISTINCT subject, chain FROM audit WHERE event = 'subject_forgotten'"
            " AND subject IN (SELECT value FROM json_each(?))",
            (json.dumps(names),),
        )
        return [(str(subject), str(chain)) for subject, chain in rows]

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
