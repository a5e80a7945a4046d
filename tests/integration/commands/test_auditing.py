"""``netra audit verify``: whatever is done to a stored trail behind the server's back is found, and where."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from netra_backend.app.adapters.audit.anchors import FileAnchor
from netra_backend.app.adapters.audit.place import Place
from netra_backend.app.adapters.migrations.history import statements_in
from netra_backend.app.adapters.postgres.audit import PostgresAudit
from netra_backend.app.adapters.postgres.connection import READER, WRITER, open_pool
from netra_backend.app.adapters.process.clock import SystemClock
from netra_backend.app.adapters.sqlite import audit_rows
from netra_backend.app.adapters.sqlite.audit import SqliteAudit
from netra_backend.app.cli import command_line
from netra_backend.app.core.audit_chain import ChainKeys, Entry
from netra_backend.app.core.errors import ConfigurationError, DependencyUnavailable, IsolationRefused
from netra_backend.app.ports import Audit
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration]

KEY = "a key of an audit trail in tests, long enough"
USERS = ("ada", "bob", None)
Work = Callable[[Audit], None]
Ask = Callable[[Audit], Awaitable[None]]


@dataclass
class Trail:
    """A data directory, and where the rows are. ``url`` is empty for SQLite."""

    data_dir: Path
    url: str = ""
    admin_url: str = field(default="", repr=False)

    def write(self, *works: Work, key: str = KEY, every_s: float = 0.0, ask: Ask | None = None) -> None:
        """What a server writes from its start to its end, and what it is asked before."""

        async def write() -> None:
            anchor = FileAnchor(self.data_dir / "audit.anchor")
            anchor.every_s = every_s
            place, clock = Place(ChainKeys.of(key.encode()), anchor), SystemClock()
            if not self.url:
                await done(await SqliteAudit.open(self.data_dir / "audit.db", place, clock))
                return
            async with (
                await open_pool(self.url, WRITER, size=1) as writer,
                await open_pool(self.url, READER, size=1) as reader,
            ):
                await done(await PostgresAudit.open(self.url, writer, reader, place, clock))

        async def done(audit: Audit) -> None:
            try:
                for work in works:
                    work(audit)
                    await audit.rows("nobody", 1)
                if ask is not None:
                    await ask(audit)
            finally:
                await audit.close()

        asyncio.run(write())

    def do(self, *statements: str) -> None:
        """SQL behind the server's back, by somebody who may do anything."""
        if not self.url:
            with closing(sqlite3.connect(self.data_dir / "audit.db", isolation_level=None)) as connection:
                for statement in statements:
                    connection.execute(statement)
            return

        async def do() -> None:
            connection = await asyncpg.connect(self.admin_url, server_settings={"search_path": "netra"})
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()

        asyncio.run(do())

    def ask(self, question: str) -> object:
        """What one value is, behind the server's back."""
        if not self.url:
            with closing(sqlite3.connect(self.data_dir / "audit.db")) as connection:
                return connection.execute(question).fetchone()[0]

        async def ask() -> object:
            connection = await asyncpg.connect(self.admin_url, server_settings={"search_path": "netra"})
            try:
                return await connection.fetchval(question)
            finally:
                await connection.close()

        return asyncio.run(ask())

    def verify(self, *words: str, key: str | None = KEY, **environ: str) -> Result:
        environ |= {"NETRA_DATA_DIR": str(self.data_dir)} | ({"NETRA_AUDIT_KEY": key} if key else {})
        environ |= {"NETRA_DATABASE_URL": self.url} if self.url else {}
        return CliRunner(env=environ).invoke(command_line(["audit"]), ["audit", "verify", *words])


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.real_services)])
def trail(request: pytest.FixtureRequest, tmp_path: Path) -> Trail:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    if request.param == "sqlite":
        return Trail(data_dir)
    database: NetraDatabase = request.getfixturevalue("netra_database")
    return Trail(data_dir, database.url, database.admin_url)


def rows(first: int, last: int, *, later: int = 0) -> Work:
    """Records rows with these ids, if they come next."""

    def record(audit: Audit) -> None:
        for number in range(first, last + 1):
            audit.record(USERS[number % 3], "refused", "id.format", {"n": number, "by": "root"}, number + later)

    return record


COPY = "INSERT INTO audit (id, chain, at, subject, event, point, detail, seal)"
FIELDS = "chain, at, subject, event, point, detail, seal FROM audit"
TAMPERED = {
    "deletion": (["DELETE FROM audit WHERE id = 7"], "row 8 does not follow on row 6"),
    "deletion of the first": (["DELETE FROM audit WHERE id = 1"], "row 2 does not follow on the beginning"),
    "change of a detail": (["UPDATE audit SET detail = '{\"n\":7}' WHERE id = 7"], "row 7 does not follow on row 6"),
    "change of a subject": (["UPDATE audit SET subject = NULL WHERE id = 7"], "row 7 does not follow on row 6"),
    "change of a time": (["UPDATE audit SET at = at + 1 WHERE id = 7"], "row 7 does not follow on row 6"),
    "change of the last": (["UPDATE audit SET event = 'connected' WHERE id = 12"], "row 12 does not follow on row 11"),
    "reordering": (
        [
            "UPDATE audit SET id = 700 WHERE id = 7",
            "UPDATE audit SET id = 7 WHERE id = 8",
            "UPDATE audit SET id = 8 WHERE id = 700",
        ],
        "row 7 does not follow on row 6",
    ),
    "insertion": ([f"{COPY} SELECT 13, {FIELDS} WHERE id = 5"], "row 13 does not follow on row 12"),
    "insertion between": (
        ["UPDATE audit SET id = 100 WHERE id = 12", f"{COPY} SELECT 12, {FIELDS} WHERE id = 5"],
        "row 12 does not follow on row 11",
    ),
    "truncation": (["DELETE FROM audit WHERE id > 9"], "the rows after row 9, up to row 12 at least, were cut off"),
    "all of it gone": (["DELETE FROM audit"], "the rows after the beginning, up to row 12 at least, were cut off"),
    "a forged checkpoint": (
        [
            "INSERT INTO audit_checkpoint (chain, id, seal, count, at, mac)"
            " SELECT chain, id, seal, 5, 1, seal FROM audit WHERE id = 5",
            "DELETE FROM audit WHERE id <= 5",
        ],
        "the checkpoint at row 5 was not signed with this key",
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_what_is_done_behind_the_servers_back_is_found_with_its_place(trail: Trail, case: str) -> None:
    statements, place = TAMPERED[case]
    trail.write(rows(1, 12))
    assert trail.verify().exit_code == 0
    trail.do(*statements)
    found = trail.verify()
    assert (found.exit_code, place in found.stderr) == (1, True), found.output
    shown = json.loads(trail.verify("--json").stdout)
    assert (shown["state"], place in shown["place"]) == ("broken", True)


ADA, BOB = (f"(SELECT subject FROM audit WHERE id = {id})" for id in (3, 4))  # USERS[id % 3]
LINE = "INSERT INTO audit_subject (chain, subject, owner, seal)"
REPOINTED = {
    "exchange of two users' pseudonyms": (
        [
            "UPDATE audit_subject SET owner = 'x' WHERE owner = 'ada'",
            "UPDATE audit_subject SET owner = 'ada' WHERE owner = 'bob'",
            "UPDATE audit_subject SET owner = 'bob' WHERE owner = 'x'",
        ],
        "was made to lead to somebody else",
    ),
    "exchange of the pseudonyms with their seals": (
        [
            f"UPDATE audit_subject SET subject = 'x' || subject WHERE subject = {ADA}",
            f"UPDATE audit_subject SET subject = {ADA} WHERE subject = {BOB}",
            f"UPDATE audit_subject SET subject = {BOB} WHERE subject = 'x' || {ADA}",
        ],
        "was made to lead to somebody else",
    ),
    "a pseudonym that leads to another user": (
        ["UPDATE audit_subject SET owner = 'eve' WHERE owner = 'ada'"],
        "was made to lead to somebody else",
    ),
    "another pseudonym for a user": (
        [f"{LINE} SELECT chain, 'subject_forged', owner, seal FROM audit_subject WHERE owner = 'ada'"],
        "the pseudonym subject_forged was made to lead to somebody else",
    ),
    "a line that is gone": (["DELETE FROM audit_subject WHERE owner = 'ada'"], "leads to nobody, and no row tells"),
    "the table that is gone": (["DELETE FROM audit_subject"], "leads to nobody, and no row tells"),
    "a line that another chain got": (
        ["UPDATE audit_subject SET chain = 'forged' WHERE owner = 'root'"],
        "leads to nobody, and no row tells",
    ),
}


@pytest.mark.parametrize("case", REPOINTED)
def test_a_pseudonym_that_was_made_to_lead_elsewhere_is_found(trail: Trail, case: str) -> None:
    statements, place = REPOINTED[case]
    trail.write(rows(1, 12))
    assert trail.verify().exit_code == 0
    trail.do(*statements)
    found = trail.verify()
    assert (found.exit_code, place in found.stderr) == (1, True), found.output
    if "forged" not in place:  # no row names it: the start looks at the rows, and the server at all of it afterwards
        with pytest.raises(ConfigurationError, match=place):
            trail.write()


@pytest.mark.validation_point("audit.subject")
def test_nobody_reads_anothers_rows_by_an_exchanged_pseudonym_and_rows_to_come_are_nobody_elses(trail: Trail) -> None:
    async def read(audit: Audit) -> None:
        assert [row["id"] for row in await audit.rows("ada", 10)] == [6, 3]
        await asyncio.to_thread(trail.do, *REPOINTED["exchange of two users' pseudonyms"][0])
        for user in ("ada", "bob"):
            with pytest.raises(IsolationRefused, match="was made to lead to somebody else"):
                await audit.rows(user, 10)
        assert "was made to lead to somebody else" in audit.broken
        audit.record("ada", "connected", None, {}, 10)
        await audit.rows("nobody", 10)

    trail.write(rows(1, 6), ask=read)
    of_the_seventh = "SELECT count(*) FROM audit WHERE subject = (SELECT subject FROM audit WHERE id = 7)"
    assert trail.ask(of_the_seventh) == 1  # neither ada's pseudonym, which leads to bob now, nor bob's


@pytest.mark.parametrize("deleted_by_server", [True, False])
def test_a_deleted_users_pseudonym_that_is_put_back_is_found_and_a_deletion_is_none(
    trail: Trail, deleted_by_server: bool
) -> None:
    trail.write(rows(1, 6))
    trail.do("CREATE TABLE kept AS SELECT * FROM audit_subject WHERE owner = 'ada'")

    async def forget(audit: Audit) -> None:
        assert await audit.pseudonymise("ada") == 2

    if deleted_by_server:
        trail.write(ask=forget)
        assert trail.verify().exit_code == 0
        trail.write(rows(8, 9))  # ada comes again, under another pseudonym
        assert trail.verify().exit_code == 0
    else:
        trail.do("DELETE FROM audit_subject WHERE owner = 'ada'")
        assert "leads to nobody" in trail.verify().stderr
    trail.do(f"{LINE} SELECT chain, subject, owner, seal FROM kept", "DROP TABLE kept")
    found = trail.verify()
    if deleted_by_server:
        assert (found.exit_code, "leads to a user again who was deleted" in found.stderr) == (1, True), found.output
    else:
        assert found.exit_code == 0


def test_pseudonyms_go_on_over_a_change_of_the_key_and_a_deletion_is_told_to_both_chains(trail: Trail) -> None:
    other = f"another {KEY}"
    trail.write(rows(1, 6))
    trail.write(rows(7, 12), key=other)

    async def forget(audit: Audit) -> None:
        assert await audit.pseudonymise("ada") == 4

    gone = trail.ask(
        f"SELECT subject FROM audit_subject WHERE owner = 'ada' AND chain = '{ChainKeys.of(KEY.encode()).chain}'"
    )
    trail.write(key=other, ask=forget)
    for key, told in ((other, "are intact"), (KEY, f"whose key this is not: {gone} (chain ")):
        found = trail.verify(key=key)
        assert (found.exit_code, told in found.stderr) == (2, True), found.output  # there are two chains
    trail.do("DELETE FROM audit_subject WHERE owner = 'bob'")
    for key in (KEY, other):
        found = trail.verify(key=key)
        assert (found.exit_code, "leads to nobody" in found.stderr) == (1, True), found.output


@pytest.mark.validation_point("audit.chain")
def test_a_deletion_that_a_row_of_an_invented_chain_alone_tells_of_does_not_count(trail: Trail) -> None:
    trail.write(rows(1, 6))
    gone = trail.ask("SELECT subject FROM audit_subject WHERE owner = 'ada'")
    trail.do("DELETE FROM audit_subject WHERE owner = 'ada'")
    trail.do(f"{COPY} VALUES (99, 'feed', 1, '{gone}', 'subject_forgotten', NULL, '{{}}', '')")
    found = trail.verify()
    assert (found.exit_code, f"{gone} (chain 'feed')" in found.stderr) == (2, True), found.output
    with pytest.raises(ConfigurationError, match=f"cannot be judged.*{gone}"):
        trail.write()


UNSEALED = [f"subject_{letter * 32}" for letter in "ab"]


def unsealed(trail: Trail) -> None:
    """A trail of ada's rows 1 and 3 and bob's 2 and 4 as version 0002 wrote it: its pseudonyms have no seal."""
    if not trail.url:
        statements = statements_in(Path(audit_rows.__file__).with_name("audit.sql"))
        trail.do(*(statement for statement in statements if "audit_subject" not in statement))
        trail.do("CREATE TABLE audit_subject (owner TEXT PRIMARY KEY, subject TEXT NOT NULL UNIQUE)")
    keys = ChainKeys.of(KEY.encode())
    detail = f'{{"by":"{UNSEALED[1]}"}}'
    entries = [Entry(id, id, UNSEALED[1 - id % 2], "refused", None, detail) for id in range(1, 5)]
    for (id, at, subject, *_), seal in keys.seal_all(keys.beginning, entries):
        stored = f"decode('{seal.hex()}', 'hex')" if trail.url else f"x'{seal.hex()}'"
        trail.do(f"{COPY} VALUES ({id}, '{keys.chain}', {at}, '{subject}', 'refused', NULL, '{detail}', {stored})")
    for owner, subject in zip(("ada", "bob"), UNSEALED, strict=True):
        trail.do(f"INSERT INTO audit_subject (owner, subject) VALUES ('{owner}', '{subject}')")


def test_pseudonyms_that_had_no_seal_are_sealed_once_and_go_on(trail: Trail) -> None:
    unsealed(trail)

    async def read(audit: Audit) -> None:
        assert [(row["id"], row["detail"]) for row in await audit.rows("ada", 10)] == [
            (3, {"by": "bob"}),
            (1, {"by": "bob"}),
        ]
        audit.record("ada", "connected", None, {}, 10)
        assert [row["id"] for row in await audit.rows("ada", 10)] == [6, 3, 1]

    trail.write(ask=read)
    assert trail.verify().exit_code == 0
    assert trail.ask("SELECT count(*) FROM audit WHERE event = 'subjects_sealed' AND id = 5") == 1
    trail.write()
    assert trail.ask("SELECT count(*) FROM audit") == 6
    trail.do("UPDATE audit_subject SET owner = 'eve' WHERE owner = 'ada' AND chain <> ''")
    trail.do("UPDATE audit_subject SET owner = 'eve' WHERE owner = 'ada' AND chain = ''")
    assert "was made to lead to somebody else" in trail.verify().stderr


def test_a_pseudonym_without_a_seal_that_comes_later_leads_to_nobodys_rows(trail: Trail) -> None:
    unsealed(trail)
    trail.write()
    trail.do("DELETE FROM audit_subject WHERE owner = 'ada'")
    trail.do(f"INSERT INTO audit_subject (chain, owner, subject, seal) VALUES ('', 'eve', '{UNSEALED[0]}', '')")

    async def read(audit: Audit) -> None:
        assert await audit.rows("eve", 10) == []
        assert await audit.pseudonymise("eve") == 2  # by the count of rows; they stay

    trail.write(ask=read)


def test_a_user_whose_pseudonym_had_no_seal_is_deleted_and_it_is_told_once(trail: Trail) -> None:
    unsealed(trail)

    async def forget(audit: Audit) -> None:
        assert await audit.pseudonymise("ada") == 2
        assert await audit.rows("ada", 10) == []

    trail.write(ask=forget)
    assert trail.verify().exit_code == 0
    assert trail.ask("SELECT count(*) FROM audit WHERE event = 'subject_forgotten'") == 1
    assert trail.ask("SELECT count(*) FROM audit_subject WHERE owner = 'ada'") == 0


def test_a_row_below_the_first_is_refused_and_found_as_added_where_it_got_in_all_the_same(trail: Trail) -> None:
    trail.write(rows(1, 5))
    forged = [f"{COPY} SELECT {id}, {FIELDS} WHERE id = 5" for id in (0, -(1 << 63))]
    for statement in forged:
        with pytest.raises((sqlite3.IntegrityError, asyncpg.CheckViolationError)):
            trail.do(statement)
    unchecked = (
        "ALTER TABLE audit DROP CONSTRAINT audit_id_check" if trail.url else "PRAGMA ignore_check_constraints=ON"
    )
    trail.do(unchecked, forged[0])
    found = trail.verify()
    assert (found.exit_code, "row 0 was added" in found.stderr) == (1, True), found.output
    trail.do(*[] if trail.url else [unchecked], forged[1])
    assert f"row {-(1 << 63)} was added" in trail.verify().stderr


def test_rows_under_the_name_of_another_chain_are_shown_to_nobody_and_verify_says_so(trail: Trail) -> None:
    trail.write(rows(1, 5))
    trail.do(f"{COPY} SELECT 100, 'forged', {FIELDS.removeprefix('chain, ')} WHERE id = 3")

    async def read(audit: Audit) -> None:
        assert [row["id"] for row in await audit.rows("ada", 10)] == [3]

    trail.write(ask=read)
    found = trail.verify()
    assert (found.exit_code, "(chains forged), and nobody is shown them" in found.stderr) == (2, True), found.output


async def refuses_to_trim(audit: Audit, before_ms: int) -> None:
    with pytest.raises(DependencyUnavailable, match="row"):
        await audit.trim(before_ms)
    assert audit.broken


@pytest.mark.parametrize(
    ("statements", "place"),
    [
        (
            ["DELETE FROM audit WHERE id BETWEEN 50 AND 100", "UPDATE audit SET at = 1 WHERE id <= 101"],
            "row 2 does not follow on row 1",
        ),
        (["DELETE FROM audit WHERE id = 100"], "row 101 does not follow on row 99"),  # beyond what would be removed
    ],
)
def test_retention_removes_nothing_of_a_trail_that_was_tampered_with_before_the_start(
    trail: Trail, statements: list[str], place: str
) -> None:
    trail.write(rows(1, 1200))
    trail.do(*statements)
    trail.write(ask=lambda audit: refuses_to_trim(audit, 3))
    found = trail.verify()
    assert (found.exit_code, place in found.stderr) == (1, True), found.output


@pytest.mark.parametrize(
    "done", ["UPDATE audit SET at = 1 WHERE id IN (4, 5)", "DELETE FROM audit WHERE id = 2", "UPDATE audit SET at = 1"]
)
def test_retention_looks_at_what_it_removes_though_the_trail_was_whole_a_moment_ago(trail: Trail, done: str) -> None:
    trail.write(rows(1, 12))

    async def tampered_meanwhile(audit: Audit) -> None:
        assert await audit.trim(0) == 0
        await asyncio.to_thread(trail.do, done)
        await refuses_to_trim(audit, 4)

    trail.write(ask=tampered_meanwhile)
    found = trail.verify()
    assert (found.exit_code, "does not follow on" in found.stderr) == (1, True), found.output


@pytest.mark.parametrize("detail", ["{", "[1]", '{"by": []}', ""])
def test_a_detail_that_no_server_wrote_hides_no_other_row_and_stops_nothing(trail: Trail, detail: str) -> None:
    trail.write(rows(1, 9))

    async def read(audit: Audit) -> None:
        await audit.trim(0)
        await asyncio.to_thread(trail.do, f"UPDATE audit SET detail = '{detail}' WHERE id = 6")
        assert [row["detail"].get("unreadable") for row in await audit.rows("ada", 10)] == [None, detail, None]
        audit.record("ada", "connected", None, {}, 10)
        assert len(await audit.rows("ada", 10)) == 4

    trail.write(ask=read)


@pytest.mark.parametrize("taken", [(6,), ((1 << 63) - 1,), (6, 7, 5 + (1 << 32), 6 + (1 << 32))])
def test_numbers_that_rows_of_another_chain_have_taken_stop_nothing(trail: Trail, taken: tuple[int, ...]) -> None:
    trail.write(rows(1, 5))
    forged = [f"{COPY} SELECT {id}, 'forged', {FIELDS.removeprefix('chain, ')} WHERE id = 3" for id in taken]

    async def overtaken(audit: Audit) -> None:
        await asyncio.to_thread(trail.do, *forged)
        audit.record("ada", "connected", None, {}, 10)
        assert [row["at_ms"] for row in await audit.rows("ada", 10)] == [10, 3]
        await audit.pseudonymise("ada")
        assert (audit.trouble, audit.counts()["rows_dropped"]) == ("", 0)

    trail.write(ask=overtaken)
    trail.write(rows(1, 5))
    found = trail.verify()
    assert (found.exit_code, "(chains forged)" in found.stderr) == (2, True), found.output
    assert trail.ask("SELECT count(*) FROM audit WHERE chain <> 'forged'") == 12
    assert trail.ask(f"SELECT count(*) FROM audit WHERE id > {1 << 40} AND chain <> 'forged'") == 0


@pytest.mark.validation_point("audit.chain")
def test_an_end_that_was_cut_off_refuses_the_start_so_that_nothing_is_appended_anew(trail: Trail) -> None:
    trail.write(rows(1, 12))
    trail.do("DELETE FROM audit WHERE id > 9")
    with pytest.raises(ConfigurationError, match="the rows after row 9, up to row 12 at least, were cut off"):
        trail.write(rows(10, 20))
    assert trail.verify().exit_code == 1


def test_an_end_that_was_cut_off_and_written_anew_is_found(trail: Trail) -> None:
    trail.write(rows(1, 12))
    anchor = trail.data_dir / "audit.anchor"
    kept = anchor.read_bytes()
    trail.do("DELETE FROM audit WHERE id > 9")
    anchor.unlink()  # so that a server with the key goes on
    trail.write(rows(10, 20, later=1))
    assert trail.verify().exit_code == 0
    (trail.data_dir.parent / "kept.anchor").write_bytes(kept)
    found = trail.verify("--anchor", str(trail.data_dir.parent / "kept.anchor"))
    assert found.exit_code == 1
    assert "row 12 is not the one that the anchor names" in found.stderr


@pytest.mark.validation_point("audit.chain")
def test_a_change_at_the_end_refuses_the_start(trail: Trail) -> None:
    trail.write(rows(1, 12))
    trail.do("UPDATE audit SET detail = '{}' WHERE id = 11")
    with pytest.raises(ConfigurationError, match=r"row 11 does not follow on row 10.*NETRA_AUDIT_KEY"):
        trail.write()


def test_with_another_key_a_new_chain_begins_and_each_is_judged_with_its_own(trail: Trail) -> None:
    other = f"another {KEY}"
    trail.write(rows(1, 5))
    trail.do("UPDATE audit SET detail = '{}' WHERE id = 5")
    trail.write(rows(6, 9), key=other)
    now = trail.verify(key=other)
    assert now.exit_code == 2
    assert "4 rows) are intact" in now.stderr
    assert "row 5 does not follow on row 4" in trail.verify().stderr


def test_an_intact_trail_is_intact_after_restarts_deletions_of_users_and_retention(trail: Trail) -> None:
    trail.write(rows(1, 6))
    trail.write(rows(7, 12))

    async def forget(audit: Audit) -> None:
        assert await audit.pseudonymise("ada") == 4
        assert await audit.trim(6) == 5

    trail.write(rows(13, 14), ask=forget)
    found = trail.verify("--json")
    assert (found.exit_code, json.loads(found.stdout)) == (0, {"state": "intact", "place": "", "rows": 10, "last": 15})
    trail.write(rows(16, 17))
    assert trail.verify().exit_code == 0
    trail.do("DELETE FROM audit WHERE id = 6")
    assert "row 7 does not follow on row 5" in trail.verify().stderr


def test_a_copy_of_the_data_directory_verifies_by_itself(tmp_path: Path) -> None:
    from netra_backend.app.adapters.audit.place import audit_place
    from netra_backend.app.adapters.process.clock import SystemEntropy
    from netra_backend.app.config import Settings

    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    place = audit_place(Settings(data_dir), SystemEntropy())
    assert (data_dir / "audit.key").stat().st_mode & 0o777 == 0o600

    async def write() -> None:
        audit = await SqliteAudit.open(data_dir / "audit.db", place, SystemClock())
        rows(1, 5)(audit)
        await audit.close()

    asyncio.run(write())
    shutil.copytree(data_dir, tmp_path / "copy")
    shutil.rmtree(data_dir)
    copied = Trail(tmp_path / "copy")
    assert copied.verify(key=None).exit_code == 0
    (tmp_path / "copy" / "audit.key").chmod(0o644)
    assert "chmod 600" in copied.verify(key=None).stderr


def unjudged(result: Result, why: str) -> bool:
    return result.exit_code == 2 and why in result.stderr


def test_what_cannot_be_judged_is_said_and_is_not_called_intact(trail: Trail) -> None:
    assert unjudged(trail.verify(key=None), "there is no key")
    if not trail.url:
        assert unjudged(trail.verify(), "unable to open database file")
    trail.write(rows(1, 5))
    assert unjudged(trail.verify(key="x" * 31), "shorter than 32 bytes")
    assert unjudged(trail.verify(key="x" * 32), "there is no anchor of this key")
    assert unjudged(trail.verify("--anchor", str(trail.data_dir / "nowhere")), "there is no anchor")
    assert unjudged(trail.verify(NETRA_AUDIT_ANCHOR="log"), "Give a file that holds anchors with --anchor")
    (trail.data_dir / "audit.anchor").write_text('{"mac": 1}\n')
    assert unjudged(trail.verify(), "line 1 is not an anchor")
    assert not list(trail.data_dir.glob("audit.key"))


def test_an_anchor_that_was_forged_is_found(trail: Trail) -> None:
    trail.write(rows(1, 5))
    path = trail.data_dir / "audit.anchor"
    line = json.loads(path.read_text())
    path.write_text(json.dumps({**line, "id": 3}))
    assert trail.verify().exit_code == 1
    assert "the anchor at row 3 was not signed with this key" in trail.verify().stderr


OLD_SQLITE = """
CREATE TABLE audit (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, owner TEXT, event TEXT NOT NULL, point TEXT, detail TEXT NOT NULL
)
"""


def test_rows_of_release_0_1_0_come_into_the_chain_with_their_ids_when_a_server_first_starts(trail: Trail) -> None:
    table = "audit_unchained" if trail.url else "audit"
    values: Sequence[str] = [
        "(3, 10, 'ada', 'refused', 'id.format', '{\"n\":1}')",
        "(5, 11, NULL, 'refused', 'auth.signature', '{}')",
        "(9, 12, 'ada', 'revoked', NULL, '{\"by\":\"root\"}')",
    ]
    make = [] if trail.url else [OLD_SQLITE, "CREATE INDEX audit_owner ON audit(owner, id)"]
    trail.do(*make, *(f"INSERT INTO {table} (id, at, owner, event, point, detail) VALUES {each}" for each in values))
    seen: list[asyncio.Task[list[dict[str, object]]]] = []
    trail.write(lambda audit: seen.append(asyncio.ensure_future(audit.rows("ada", 10))))
    assert seen[0].result() == [
        {"id": 9, "at_ms": 12, "event": "revoked", "point": None, "detail": {"by": "root"}},
        {"id": 3, "at_ms": 10, "event": "refused", "point": "id.format", "detail": {"n": 1}},
    ]
    trail.write(rows(11, 12))
    found = json.loads(trail.verify("--json").stdout)
    assert found == {"state": "intact", "place": "", "rows": 6, "last": 12}
    trail.do("UPDATE audit SET at = 13 WHERE id = 5")
    assert "row 5 does not follow on row 3" in trail.verify().stderr
