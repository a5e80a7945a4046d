"""Tickets of all processes, in PostgreSQL (``ports.Tickets``): whichever process is asked, one of all gets it."""

from __future__ import annotations

from typing import Final

import asyncpg
import msgspec

from ...core.identity import WEBSOCKET, Identity, TicketUse
from ...core.limits import USUAL, Limits
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

    def __init__(self, writer: asyncpg.Pool, limits: Limits = USUAL) -> None:
        self._writer = writer
        self._bounds = limits.tickets, limits.all_tickets

    async def put(self, digest: str, identity: Identity, use: TicketUse, now_ms: int, expires_at_ms: int) -> bool:
        kept = _kept(identity, use)
        try:
            async with self._writer.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
                await connection.execute("DELETE FROM ticket WHERE expires <= $1", now_ms)
                put = await connection.fetchval(_PUT, digest, identity.user_id, kept, expires_at_ms, *self._bounds)
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        return put is True

    async def take(self, digest: str) -> tuple[Identity, TicketUse, int] | None:
        try:
            row = await self._writer.fetchrow(
                "DELETE FROM ticket WHERE digest = $1 RETURNING identity, expires", digest
            )
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        return None if row is None else (*_told(row["identity"]), row["expires"])

    async def remove(self, user_id: str) -> None:
        try:
            await self._writer.execute("DELETE FROM ticket WHERE user_id = $1", user_id)
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble


class _Download(msgspec.Struct, frozen=True):
    """A ticket for a download, as it is stored. Processes of release 0.1.0, whose tickets open everything, cannot read it;
    one for a WebSocket is the identity alone, as they store it."""

    identity: Identity
    path: str


def _kept(identity: Identity, use: TicketUse) -> str:
    return msgspec.json.encode(identity if use == WEBSOCKET else _Download(identity, use.path)).decode()


def _told(kept: str) -> tuple[Identity, TicketUse]:
    fields = msgspec.json.decode(kept)
    if "identity" not in fields:
        return msgspec.convert(fields, Identity), WEBSOCKET
    download = msgspec.convert(fields, _Download)
    return download.identity, TicketUse("download", download.path)
