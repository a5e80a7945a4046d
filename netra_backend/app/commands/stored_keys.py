"""API keys without a server: straight from the embedded event log, or from PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ..adapters.auth.file_revocations import FileRevocations
from ..adapters.process.clock import SystemClock, SystemEntropy
from ..adapters.process.data_directory import lock_data_directory, make_data_directory
from ..adapters.sqlite.event_log import SqliteEventLog
from ..config import Settings
from ..core.api_keys import ApiKey
from ..core.identity import ADMIN, CLOCK_LEEWAY_MS, EVERYBODY, OWN_ISSUER, Identity
from ..core.ids import check_id
from ..ports import Clock
from ..services.api_keys import ApiKeys, WantedKey
from ..services.revocations import Revocations
from ..sign_in_ports import ApiKeyStore, RevocationStore


def operator_as(user: str, revocations: Revocations, now_ms: int) -> Identity:
    """Who may read the data directory, on behalf of the user: a sign-in of this moment, by a clock that may be ahead of the
    servers', and after all that was revoked. Raises ``InvalidContextError`` if this is not a user id."""
    check_id("user_id", user)
    issued_ms = max(now_ms - CLOCK_LEEWAY_MS, revocations.all_revoked_ms(user) + 1)
    return Identity(user, frozenset({EVERYBODY, ADMIN}), None, issued_ms, issuer=OWN_ISSUER)


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """The keys of all users."""

    keys: ApiKeys
    revocations: Revocations
    clock: Clock

    async def make(self, user: str, wanted: WantedKey) -> tuple[ApiKey, str]:
        """As ``ApiKeys.make``, for the operator."""
        return await self.keys.make(operator_as(user, self.revocations, self.clock.now_ms()), wanted)


@asynccontextmanager
async def stored_keys(settings: Settings) -> AsyncIterator[StoredKeys]:
    """The keys of all users. In a data directory nothing else uses it meanwhile. Raises ``ConfigurationError`` if a server does,
    or the database is not one that users are kept apart in; and ``DependencyUnavailable``."""
    if settings.database_url is not None:
        async with _in_postgres(settings, settings.database_url) as keys:
            yield keys
        return
    data_dir = make_data_directory(settings.data_dir)
    lock = lock_data_directory(data_dir)
    try:
        loop = asyncio.get_running_loop()
        log = SqliteEventLog(
            data_dir / "events.db", SystemClock(), loop, lambda _: None, lambda _: None, settings.limits
        )
        try:
            yield await _over(log.api_keys, FileRevocations(data_dir), settings)
        finally:
            await log.close()
    finally:
        lock.release()


@asynccontextmanager
async def _in_postgres(settings: Settings, url: str) -> AsyncIterator[StoredKeys]:
    from ..adapters.postgres.api_keys import PostgresApiKeys
    from ..adapters.postgres.connection import READER, WRITER, closing_pool
    from ..adapters.postgres.gate import require_postgres
    from ..adapters.postgres.pool import PostgresConnectionPool
    from ..adapters.postgres.revocations import PostgresRevocations

    limits = settings.limits
    await require_postgres(url, limits)
    pools = [PostgresConnectionPool(url, role, 1, limits) for role in (READER, WRITER, WRITER, WRITER)]
    async with closing_pool(url, WRITER, limits, size=1) as writer:
        try:
            yield await _over(PostgresApiKeys(*pools), PostgresRevocations(writer), settings)
        finally:
            for pool in pools:
                await pool.close()


async def _over(store: ApiKeyStore, revoked: RevocationStore, settings: Settings) -> StoredKeys:
    revocations = Revocations(
        revoked, max_lifetime_s=settings.jwt_max_lifetime_s, tokens=settings.limits.revoked_tokens
    )
    await revocations.load()
    return StoredKeys(
        ApiKeys(store, revocations, SystemClock(), SystemEntropy(), settings.limits), revocations, SystemClock()
    )
