"""What version 0002 lets each role of PostgreSQL do: a server can revoke a sign-in, and not undo it."""

from __future__ import annotations

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER, connect
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

FAR_MS = 1 << 45


async def test_a_revocation_cannot_be_undone_before_its_token_is_dead(netra_database: NetraDatabase) -> None:
    writer = await connect(netra_database.url, WRITER)
    try:
        await writer.execute(f"INSERT INTO revoked_token VALUES ('ada', 'live', {FAR_MS}), ('ada', 'dead', 1)")
        await writer.execute("DELETE FROM revoked_token")
        rows = await writer.fetch("SELECT token_id FROM revoked_token")
        assert [row["token_id"] for row in rows] == ["live"]
        for attempt in ("UPDATE revoked_token SET ends = 0", "TRUNCATE revoked_token"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await writer.execute(attempt)
    finally:
        await writer.close()


async def test_the_reader_does_not_learn_who_is_revoked(netra_database: NetraDatabase) -> None:
    reader = await connect(netra_database.url, READER)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch("SELECT * FROM revoked_token")
    finally:
        await reader.close()
