"""Revocations in PostgreSQL (``ports.RevocationStore``): one row a user, and only ever a later moment."""

from __future__ import annotations

import asyncpg

from .connection import TROUBLE, unavailable


class PostgresRevocations:
    """``writer`` lends connections that are ``netra_writer``."""

    def __init__(self, writer: asyncpg.Pool) -> None:
        self._writer = writer

    async def load(self) -> dict[str, int]:
        try:
            rows = await self._writer.fetch("SELECT user_id, until FROM revocation")
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        return {row["user_id"]: row["until"] for row in rows}

    async def add(self, user_id: str, until_ms: int) -> None:
        try:
            await self._writer.execute(
                "INSERT INTO revocation (user_id, until) VALUES ($1, $2)"
                " ON CONFLICT (user_id) DO UPDATE SET until = greatest(revocation.until, excluded.until)",
                user_id,
                until_ms,
            )
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
