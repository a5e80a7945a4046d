"""Tickets of all processes, in PostgreSQL (``ports.Tickets``): whichever process is asked, one of all gets it."""

from __future__ import annotations

from typing import Final

import asyncpg
import msgspec

from ...core.identity import Identity
from ..auth.local_tickets import IN_ALL, PER_USER
from .connection import TROUBLE, unavailable

_ONE_AT_A_TIME: Final = 0x7469636B6574  # "ticket": while tickets are counted, none is put
_PUT: Final = """
INSERT INTO ticket (digest, user_id, identity, expires)
SELECT $1, $2, $3, $4
WHERE (SELECT count(*) FROM ticket WHERE user_id = $2) < $5 AND (SELECT count(*) FROM ticket) < $6
RETURNING true
"""


class PostgresTickets:
    """``writer`` lends connections that are ``netra_writer``."""

    def __init__(self, writer: asyncpg.Pool, *, per_user: int = PER_USER, in_all: int = IN_ALL) -> None:
        self._writer = writer
        self._bounds = per_user, in_all

    async def put(self, digest: str, identity: Identity, now_ms: int, expires_at_ms: int) -> bool:
        kept = msgspec.json.encode(identity).decode()
        try:
            async with self._writer.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
                await connection.execute("DELETE FROM ticket WHERE expires <= $1", now_ms)
                put = await connection.fetchval(_PUT, digest, identity.user_id, kept, expires_at_ms, *self._bounds)
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        return put is True

    async def take(self, digest: str) -> tuple[Identity, int] | None:
        try:
            row = await self._writer.fetchrow(
                "DELETE FROM ticket WHERE digest = $1 RETURNING identity, expires", digest
            )
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        return None if row is None else (msgspec.json.decode(row["identity"], type=Identity), row["expires"])
