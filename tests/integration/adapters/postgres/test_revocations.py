"""Revocations in a real PostgreSQL."""

from __future__ import annotations

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import WRITER, open_pool
from netra_backend.app.adapters.postgres.revocations import PostgresRevocations
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.identity import RevokedToken
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


async def test_what_one_process_adds_another_one_loads(netra_database: NetraDatabase) -> None:
    async with (
        await open_pool(netra_database.url, WRITER, size=1) as one,
        await open_pool(netra_database.url, WRITER, size=1) as other,
    ):
        await PostgresRevocations(one).add("user_ada", 5)
        assert await PostgresRevocations(other).load() == {"user_ada": 5}


async def test_a_revocation_is_only_ever_added_and_the_latest_of_a_user_counts(netra_database: NetraDatabase) -> None:
    async with await open_pool(netra_database.url, WRITER, size=1) as writer:
        store = PostgresRevocations(writer)
        for until_ms in (5, 9, 7, 9):
            await store.add("user_ada", until_ms)
        for undoing in (
            "UPDATE revocation SET until = 0",
            "DELETE FROM revocation",
            "TRUNCATE revocation",
            "INSERT INTO revocation VALUES ('user_ada', 9) ON CONFLICT (user_id, until) DO UPDATE SET until = 0",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await writer.execute(undoing)
        assert await store.load() == {"user_ada": 9}


async def test_a_database_that_does_not_answer_is_told_and_never_taken_for_nobody_is_revoked(
    netra_database: NetraDatabase,
) -> None:
    async with await open_pool(netra_database.url, WRITER, size=1) as writer:
        store = PostgresRevocations(writer)
        admin = await asyncpg.connect(netra_database.admin_url)
        await admin.execute("DROP TABLE netra.revocation; DROP TABLE netra.revoked_token")
        await admin.close()
        token = RevokedToken("user_ada", "t1", 5)
        for use in (store.load(), store.add("user_ada", 5), store.load_tokens(), store.add_token(token, 1)):
            with pytest.raises(DependencyUnavailable, match="UndefinedTable"):
                await use
