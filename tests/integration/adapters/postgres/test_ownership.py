"""Taking hold of threads in a real PostgreSQL, at the moments that matter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from netra_backend.app.adapters.postgres.connection import WRITER
from netra_backend.app.adapters.postgres.ownership import AcquiredThread, NotAcquired, PostgresThreadOwnership
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

_THREAD = """
INSERT INTO netra.thread (thread_id, owner, epoch, title, created, updated, top, fence, holder)
VALUES ($1, 'ada', 'epo', '', 1, 1, 1, 1, $2)
"""
_LIVING = "INSERT INTO netra.process (process_id, lease) VALUES ('prc_other', netra.now_ms() + 60000)"


class Lines(PostgresConnectionPool):
    """Tells before each question; keeps the answers."""

    before: Callable[[str], Awaitable[None]]
    answers: list[Any]

    async def ask(self, question: str, *arguments: Any, turn_of: str | None = None) -> list[Any]:
        await self.before(question)
        rows = await super().ask(question, *arguments, turn_of=turn_of)
        self.answers += rows
        return rows


@pytest.fixture
async def lines(netra_database: NetraDatabase) -> AsyncIterator[Lines]:
    async def before(_: str) -> None: ...

    lines = Lines(netra_database.url, WRITER, 1)
    lines.before, lines.answers = before, []
    yield lines
    await lines.close()


async def test_a_thread_that_is_let_go_of_between_two_looks_is_held_and_never_taken_for_deleted(
    admin: Any, lines: Lines
) -> None:
    await admin.execute(_LIVING)
    await admin.execute(_THREAD, "thr_1", "prc_other")

    async def let_go(question: str) -> None:
        if question.startswith("SELECT thread_id, owner, holder"):
            await admin.execute("UPDATE thread SET holder = NULL")

    lines.before = let_go
    held = (await PostgresThreadOwnership(lines, "prc_1").acquire(["thr_1"]))["thr_1"]
    assert isinstance(held, AcquiredThread)
    assert held.fence == 2


async def test_a_thread_that_goes_from_hand_to_hand_all_the_while_is_not_answered(admin: Any, lines: Lines) -> None:
    await admin.execute(_LIVING)
    await admin.execute(_THREAD, "thr_1", "prc_other")

    async def hand_on(question: str) -> None:
        holder = None if question.startswith("SELECT thread_id, owner, holder") else "prc_other"
        await admin.execute("UPDATE thread SET holder = $1", holder)

    lines.before = hand_on
    assert await PostgresThreadOwnership(lines, "prc_1").acquire(["thr_1"]) == {}


async def test_who_holds_a_thread_is_told_and_that_it_was_deleted(admin: Any, lines: Lines) -> None:
    await admin.execute(_LIVING)
    await admin.execute(_THREAD, "thr_theirs", "prc_other")
    await admin.execute(_THREAD, "thr_gone", None)
    await admin.execute("UPDATE thread SET owner = '' WHERE thread_id = 'thr_gone'")
    assert await PostgresThreadOwnership(lines, "prc_1").acquire(["thr_theirs", "thr_gone", "thr_unknown"]) == {
        "thr_theirs": NotAcquired("prc_other"),
        "thr_gone": NotAcquired(None),
    }


@pytest.mark.parametrize(("ended", "setting"), [(0, "on"), (1, "off")])
async def test_a_hold_of_a_thread_in_which_runs_were_left_waits_for_the_disk(
    admin: Any, lines: Lines, ended: int, setting: str
) -> None:
    for thread_id in ("thr_quiet", "thr_left"):
        await admin.execute(_THREAD, thread_id, None)
    await admin.execute(
        "INSERT INTO run (run_id, thread_id, owner, agent, request_id, timezone, created, seq, ended) "
        "VALUES ('run_1', 'thr_left', 'ada', 'echo', 'req_1', 'UTC', 1, 1, $1)",
        ended,
    )
    held = await PostgresThreadOwnership(lines, "prc_1").acquire(["thr_quiet", "thr_left"])
    assert sorted(held) == ["thr_left", "thr_quiet"]
    assert [row["soon"] for row in lines.answers if "soon" in row] == [setting, setting]
