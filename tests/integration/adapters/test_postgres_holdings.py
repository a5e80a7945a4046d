"""Taking hold, taking over and letting go, as statements on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from netra_backend.app.adapters.postgres_connection import WRITER
from netra_backend.app.adapters.postgres_holdings import Held, NotHeld, PostgresHoldings
from netra_backend.app.adapters.postgres_lines import PostgresLines
from netra_backend.app.core.history import ThreadHead
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


@pytest.fixture
async def admin(netra_database: NetraDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(netra_database.admin_url, server_settings={"search_path": "netra"})
    await connection.execute(
        "INSERT INTO process (process_id, lease) VALUES ('prc_one', now_ms() + 30000), ('prc_dead', 0)"
    )
    for name, owner, holder in (
        ("free", "user_ada", None),
        ("mine", "user_ada", "prc_two"),
        ("taken", "user_bob", "prc_one"),
        ("left", "user_bob", "prc_dead"),
        ("deleted", "", None),
    ):
        await connection.execute(
            "INSERT INTO thread (thread_id, owner, epoch, title, created, updated, top, fence, holder)"
            " VALUES ($1, $2, 'e', 't', 0, 0, 3, 5, $3)",
            name,
            owner,
            holder,
        )
    for name in ("free", "left", "taken"):
        await connection.execute(
            "INSERT INTO run (run_id, thread_id, owner, agent, request_id, timezone, created, seq, ended)"
            " SELECT 'run_' || $1 || n, $1, t.owner, 'golden', 'req', 'UTC', 0, n, 0"
            " FROM generate_series(1, 2) n, thread t WHERE t.thread_id = $1",
            name,
        )
    yield connection
    await connection.close()


@pytest.fixture
async def two(netra_database: NetraDatabase, admin: asyncpg.Connection) -> AsyncIterator[PostgresHoldings]:
    lines = PostgresLines(netra_database.url, WRITER, 2)
    yield PostgresHoldings(lines, "prc_two")
    await lines.close()


async def test_hold_is_taken_of_what_nobody_the_dead_and_we_ourselves_hold(two: PostgresHoldings) -> None:
    answers = await two.hold(["free", "mine", "left", "taken", "deleted", "unknown"])
    held = {name: answer for name, answer in answers.items() if isinstance(answer, Held)}
    assert {name: (each.top, each.fence, len(each.left)) for name, each in held.items()} == {
        "free": (3, 6, 2),
        "mine": (3, 6, 0),
        "left": (3, 6, 2),
    }
    assert {name: answer for name, answer in answers.items() if name not in held} == {
        "taken": NotHeld("prc_one"),
        "deleted": NotHeld(None),
    }
    assert [run.seq for run in held["free"].left] == [1, 2]


async def test_only_threads_with_unfinished_runs_and_without_a_living_holder_are_taken_over(
    two: PostgresHoldings,
) -> None:
    assert [held.thread_id for held in await two.take_over(9, lambda: ["free"])] == ["left"]
    assert [held.thread_id for held in await two.take_over(9, lambda: ["left"])] == ["free"]
    assert await two.take_over(9, lambda: ["left", "free"]) == []


async def test_what_an_answer_that_was_lost_gave_us_is_taken_over_too(two: PostgresHoldings) -> None:
    await two.hold(["left"])
    (again,) = await two.take_over(9, lambda: ["free"])
    assert (again.thread_id, again.fence) == ("left", 7)


async def test_a_thread_is_let_go_of_only_under_the_fence_that_it_is_held_with(
    two: PostgresHoldings, admin: asyncpg.Connection
) -> None:
    await two.release([])
    await two.release([("mine", 4), ("taken", 5)])
    holders = "SELECT array_agg(holder ORDER BY thread_id) FROM thread WHERE thread_id IN ('mine', 'taken')"
    assert await admin.fetchval(holders) == ["prc_two", "prc_one"]
    await two.release([("mine", 5)])
    assert await admin.fetchval(holders) == [None, "prc_one"]


async def test_those_that_are_no_longer_held_as_they_say_are_found(two: PostgresHoldings) -> None:
    heads = [
        ThreadHead("user_ada", name, "e", 0, fence=fence)
        for name, fence in (("mine", 5), ("mine", 4), ("taken", 5), ("unknown", 1))
    ]
    assert await two.lost(heads) == heads[1:]
    assert await two.lost([]) == []
