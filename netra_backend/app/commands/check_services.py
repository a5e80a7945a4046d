"""The rows of ``netra check`` about PostgreSQL, Redis and the object store. No address and no password is ever shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from ..core.errors import ConfigurationError, DependencyUnavailable

if TYPE_CHECKING:
    import asyncpg

_REDIS_TIMEOUT_S: Final = 5.0
T = TypeVar("T")


def database_looks(url: str) -> list[tuple[str, Callable[[], str]]]:
    """What is looked at of ``NETRA_DATABASE_URL``, each on its own, so that every fault is shown."""
    return [
        ("database", partial(_ask, url, _version)),
        ("database login", partial(_ask, url, _login)),
        ("database schema", partial(_ask, url, _schema)),
        ("database walls", partial(_ask, url, _walls)),
    ]


def redis_look(url: str) -> str:
    """Which server answers at ``NETRA_REDIS_URL``. Raises ``DependencyUnavailable``."""
    return asyncio.run(_redis(url))


def _ask(url: str, question: Callable[[asyncpg.Connection], Awaitable[str]]) -> str:
    from ..adapters.postgres.gate import asked

    async def ask() -> str:
        async with asked(url) as connection:
            return await question(connection)

    return asyncio.run(ask())


def datasets_look(url: str) -> str:
    """Whether the store of ``NETRA_DATASETS_URL`` does what must be relied on. Raises ``DependencyUnavailable``, and
    ``ConfigurationError`` where it refuses the bucket or ignores conditions."""
    from ..usage_stores import bucket_of

    bucket = bucket_of(url)
    try:
        asyncio.run(bucket.prove())
    except DependencyUnavailable as trouble:
        raise DependencyUnavailable(
            f"{bucket} does not answer.",
            hint="Start it, or correct AWS_ENDPOINT_URL and AWS_REGION. The log has its error.",
        ) from trouble
    return f"{bucket} answers and enforces conditional writes"


async def _version(connection: asyncpg.Connection) -> str:
    from ..adapters.postgres.gate import server_version

    return f"PostgreSQL {await server_version(connection)} answers"


async def _login(connection: asyncpg.Connection) -> str:
    from ..adapters.postgres.gate import check_login

    return f"{await check_login(connection)} has no rights of its own; row-level security applies to it"


async def _schema(connection: asyncpg.Connection) -> str:
    from ..adapters.postgres.gate import check_schema

    return f"version {await check_schema(connection)}; row-level security is forced on every table with users' data"


async def _walls(connection: asyncpg.Connection) -> str:
    from ..adapters.postgres.gate import check_login, check_reach, check_schema, check_walls

    try:
        await check_login(connection)
        await check_schema(connection)
    except ConfigurationError as fault:
        raise DependencyUnavailable("They were not tried: first mend login and schema.") from fault
    await check_reach(connection)
    await check_walls(connection)
    return "nothing outside the schema reaches its rows, and what nobody may do in it is refused"


async def _redis(url: str) -> str:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client = Redis.from_url(url, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S)
    try:
        found = await client.info("server")
    except (RedisError, OSError) as trouble:
        raise DependencyUnavailable(
            f"Redis or Valkey does not answer ({type(trouble).__name__}).",
            hint="Start it, correct NETRA_REDIS_URL, or remove that setting: a single process needs no Redis.",
        ) from None
    finally:
        await client.aclose()
    if "valkey_version" in found:
        return f"Valkey {found['valkey_version']} answers"
    return f"Redis {found['redis_version']} answers"
