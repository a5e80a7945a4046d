"""Revocations in PostgreSQL (``ports.RevocationStore``): rows are only ever added, and the latest of a user counts."""

from __future__ import annotations

import asyncpg

from .connection import TROUBLE, unavailable


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
            await self._writer.execute(
                "INSERT INTO revocation (user_id, until) VALUES ($1, $2) ON CONFLICT (user_id, until) DO NOTHING",
                user_id,
                until_ms,
            )
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
