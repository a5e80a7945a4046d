"""``netra revoke``."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import typer

from ..adapters.auth.file_revocations import FileRevocations
from ..adapters.process.data_directory import make_data_directory
from ..config import Settings
from ..core.ids import check_id
from ..services.revocations import Revocations
from .common import DataDir, load_settings, local_token, out, running_server, told
from .server_access import ServerAccess


@told
def revoke(
    user: Annotated[str, typer.Argument(help="The user whose sign-ins end.")],
    data_dir: DataDir = None,
) -> None:
    """End all sign-ins of a user.

    Open connections close, runs stop, and tokens issued until now stop working. With NETRA_DATABASE_URL, servers on other
    machines follow within 30 seconds.

    \b
    Example:
      netra revoke alice
    """
    check_id("user_id", user)
    settings = load_settings(data_dir)
    running = running_server(settings)
    if running is not None:
        asyncio.run(_through_server(running, local_token(settings, "netra-operator", ("admin",), 60), user))
    else:
        asyncio.run(_into_the_store(settings, user))
    out.print(f"✓ All sign-ins of {user} until now are revoked.", highlight=False, markup=False)


async def _through_server(url: str, token: str, user: str) -> None:
    async with ServerAccess(url, token) as server:
        await server.post(f"/api/admin/users/{user}/revoke")


async def _into_the_store(settings: Settings, user: str) -> None:
    now_ms = time.time_ns() // 1_000_000
    if settings.database_url is None:
        make_data_directory(settings.data_dir)
        await Revocations(FileRevocations(settings.data_dir)).revoke(user, now_ms)
        return
    from ..adapters.postgres.connection import WRITER, closing_pool
    from ..adapters.postgres.gate import require_postgres
    from ..adapters.postgres.revocations import PostgresRevocations

    await require_postgres(settings.database_url)
    async with closing_pool(settings.database_url, WRITER, size=1) as writer:
        await Revocations(PostgresRevocations(writer)).revoke(user, now_ms)
