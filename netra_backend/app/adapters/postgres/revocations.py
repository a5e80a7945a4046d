"""Revocations in PostgreSQL (``ports.RevocationStore``): rows are only ever added, and of a user or a token the latest counts; a
row of a token cannot be deleted before no such token can stand."""

from __future__ import annotations

from typing import Final

import asyncpg

from ...core.identity import RevokedToken
from .connection import TROUBLE, unavailable

ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('netra.api_key'), hashtext($1))"
"""What ends a user's sign-ins, and what makes a key by one of them: whichever comes second sees the first."""


class PostgresRevocations:
    """``writer`` lends connections that are ``netra_writer``."""

    def __init__(self, writer: asyncpg.Pool) -> None:
        self._writer = writer

    async def load(self) -> dict[str, int]:
        try:
            rows = await self._writer.fetch("SELECT user_id, max(until) AS until FROM revocation GROUP BY user_id")
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        return {row["user_id"]: row["until"] for row in rows}

    async def add(self, user_id: str, until_ms: int) -> None:
        try:
            async with self._writer.acquire() as connection, connection.transaction():
                await connection.execute(ONE_AT_A_TIME, user_id)
                await connection.execute(
                    "INSERT INTO revocation (user_id, until) VALUES ($1, $2) ON CONFLICT (user_id, until) DO NOTHING",
                    user_id,
                    until_ms,
                )
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble

    async def load_tokens(self) -> list[RevokedToken]:
        try:
            rows = await self._writer.fetch(
                "SELECT user_id, token_id, max(ends) AS ends FROM revoked_token GROUP BY user_id, token_id"
            )
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        return [RevokedToken(row["user_id"], row["token_id"], row["ends"]) for row in rows]

    async def add_token(self, revoked: RevokedToken, now_ms: int) -> None:
        try:
            async with self._writer.acquire() as connection, connection.transaction():
                await connection.execute(ONE_AT_A_TIME, revoked.user_id)
                await connection.execute("DELETE FROM revoked_token WHERE ends <= $1", now_ms)
                await connection.execute(
                    "INSERT INTO revoked_token (user_id, token_id, ends) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                    revoked.user_id,
                    revoked.token_id,
                    revoked.ends_at_ms,
                )
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
