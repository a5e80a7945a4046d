"""The stores that server processes share: a real PostgreSQL with the schema in it, and a real Valkey behind one cable for
each process. Both can be killed, brought back, and cut off."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ..faults import CuttableLink
from ..services import Service, own_postgres, own_redis

DATABASE: Final = "netra"

_UNFINISHED: Final = """
SELECT r.run_id, r.seq, t.thread_id, t.top, t.holder, t.fence, p.lease - netra.now_ms() AS lease
FROM netra.run r LEFT JOIN netra.thread t USING (thread_id) LEFT JOIN netra.process p ON p.process_id = t.holder
WHERE r.ended = 0
"""


class Stores:
    """Made by ``open_stores``. ``database_url`` is what servers are given, ``admin_url`` a superuser's."""

    def __init__(self, database: Service, valkey: Service, database_url: str, admin_url: str) -> None:
        self.database_url = database_url
        self.admin_url = admin_url
        self.links: list[CuttableLink] = []
        self._database = database
        self._valkey = valkey

    def redis_url(self, number: int) -> str:
        """Where process ``number`` finds Valkey: at the end of its own cable."""
        parts = urlsplit(self._valkey.url)
        return parts._replace(netloc=f":{parts.password}@127.0.0.1:{self.links[number].port}").geturl()

    async def crash_database(self, away_s: float) -> None:
        """``kill -9`` PostgreSQL, and start it again on its data after a while."""
        self._database.kill()
        await asyncio.sleep(away_s)
        await asyncio.to_thread(self._database.restart)

    async def crash_valkey(self, away_s: float) -> None:
        """``kill -9`` Valkey, and start it again on what it has on its disk after a while."""
        self._valkey.kill()
        await asyncio.sleep(away_s)
        await asyncio.to_thread(self._valkey.restart)

    async def save_valkey(self) -> None:
        """Have Valkey put all that it holds on its disk."""
        async with self._client() as client:
            await client.execute_command("SAVE")

    async def forget_valkey(self) -> None:
        """Have Valkey's disk hold nothing: what it holds in memory goes with the next crash."""
        async with self._client() as client:
            directory = (await client.config_get("dir"))["dir"]
        await asyncio.to_thread(Path(directory, "dump.rdb").unlink, missing_ok=True)

    async def unfinished(self) -> list[str]:
        """The runs that have not ended, and who holds their threads, in words."""
        import asyncpg

        reader = await asyncpg.connect(self.admin_url)
        try:
            return [
                f"{row['run_id']} (from {row['seq']} of {row['thread_id']}, which is at {row['top']}) held by "
                f"{row['holder']}, fence {row['fence']}, lease {row['lease']} ms"
                for row in await reader.fetch(_UNFINISHED)
            ]
        finally:
            await reader.close()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Any]:
        from redis.asyncio import Redis

        client = Redis.from_url(self._valkey.url, decode_responses=True)
        try:
            yield client
        finally:
            await client.aclose()


@asynccontextmanager
async def open_stores(processes: int) -> AsyncIterator[Stores]:
    """Start both, for so many server processes. They end with the block, or with this process."""
    from netra_backend.app.adapters.postgres.migration import Login, migrate_postgres

    async with AsyncExitStack() as stack:
        database = stack.enter_context(own_postgres())
        valkey = stack.enter_context(own_redis())
        parts = urlsplit(database.url)
        admin_url = parts._replace(path=f"/{DATABASE}").geturl()
        login = Login("netra_server", secrets.token_hex(16))
        await _make_database(database.url)
        await migrate_postgres(admin_url, lambda _: None, login=login)
        place = parts.netloc.rpartition("@")[2]
        url = parts._replace(netloc=f"{login.name}:{login.password}@{place}", path=f"/{DATABASE}").geturl()
        stores = Stores(database, valkey, url, admin_url)
        near = urlsplit(valkey.url)
        assert near.hostname is not None
        assert near.port is not None
        for _ in range(processes):
            stores.links.append(await stack.enter_async_context(CuttableLink(near.hostname, near.port)))
        yield stores


async def _make_database(server_url: str) -> None:
    import asyncpg

    keeper = await asyncpg.connect(server_url)
    try:
        await keeper.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        await keeper.close()
