"""Tickets in a real PostgreSQL: shared by processes, bounded in all."""

from __future__ import annotations

import asyncpg
import msgspec
import pytest

from netra_backend.app.adapters.postgres.connection import WRITER, open_pool
from netra_backend.app.adapters.postgres.tickets import PostgresTickets
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.identity import WEBSOCKET, Identity, TicketUse
from netra_backend.app.core.limits import Limits
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


def somebody(user_id: str) -> Identity:
    return Identity(user_id, frozenset({"usage"}), None, 0)


async def test_a_ticket_of_one_process_is_taken_at_another_and_then_at_none(netra_database: NetraDatabase) -> None:
    async with (
        await open_pool(netra_database.url, WRITER, size=1) as one,
        await open_pool(netra_database.url, WRITER, size=1) as other,
    ):
        assert await PostgresTickets(one).put("d1", somebody("ada"), WEBSOCKET, 0, 30)
        assert await PostgresTickets(other).take("d1") == (somebody("ada"), WEBSOCKET, 30)
        assert await PostgresTickets(one).take("d1") is None


async def test_tickets_of_all_are_bounded(netra_database: NetraDatabase) -> None:
    async with await open_pool(netra_database.url, WRITER, size=1) as writer:
        tickets = PostgresTickets(writer, Limits(all_tickets=3))
        assert [
            await tickets.put(f"d{number}", somebody(f"user_{number}"), WEBSOCKET, 0, 30) for number in range(4)
        ] == [
            True,
            True,
            True,
            False,
        ]
        assert await tickets.put("later", somebody("ada"), WEBSOCKET, 30, 60)


async def test_a_digest_is_never_put_twice_and_a_database_that_refuses_is_told_as_such(
    netra_database: NetraDatabase,
) -> None:
    async with await open_pool(netra_database.url, WRITER, size=1) as writer:
        tickets = PostgresTickets(writer)
        await tickets.put("d1", somebody("ada"), WEBSOCKET, 0, 30)
        with pytest.raises(DependencyUnavailable, match="UniqueViolation"):
            await tickets.put("d1", somebody("bob"), WEBSOCKET, 0, 30)
        admin = await asyncpg.connect(netra_database.admin_url)
        await admin.execute("DROP TABLE netra.ticket")
        await admin.close()
        with pytest.raises(DependencyUnavailable, match="UndefinedTable"):
            await tickets.take("d1")
        with pytest.raises(DependencyUnavailable, match="UndefinedTable"):
            await tickets.remove("ada")


async def test_a_ticket_of_release_0_1_0_opens_a_websocket_and_that_release_cannot_read_one_for_a_download(
    netra_database: NetraDatabase,
) -> None:
    """In that release a ticket is the identity alone, and opens everything."""
    async with await open_pool(netra_database.url, WRITER, size=1) as writer:
        store = PostgresTickets(writer)
        before = '{"user_id":"ada","scopes":["usage"],"expires_at_ms":90,"issued_at_ms":5,"token_id":"t","issuer":"i"}'
        await writer.execute("INSERT INTO ticket VALUES ('d1', 'ada', $1, 30)", before)
        assert await store.take("d1") == (Identity("ada", frozenset({"usage"}), 90, 5, "t", "i"), WEBSOCKET, 30)
        for digest, use in (("d2", WEBSOCKET), ("d3", TicketUse("download", "/api/me"))):
            await store.put(digest, somebody("ada"), use, 0, 30)
        rows = await writer.fetch("SELECT identity FROM ticket ORDER BY digest")
        assert msgspec.json.decode(rows[0]["identity"], type=Identity) == somebody("ada")
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(rows[1]["identity"], type=Identity)
