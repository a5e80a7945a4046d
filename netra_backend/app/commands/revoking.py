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
from ..sign_in_ports import RevocationStore
from .common import DataDir, load_settings, local_token, out, running_server, told
from .server_access import ServerAccess


@told
def revoke(
    user: Annotated[str, typer.Argument(help="The user whose sign-ins end.")],
    token_id: Annotated[str | None, typer.Option(help="End only the sign-in whose token has this id (jti).")] = None,
    data_dir: DataDir = None,
) -> None:
    """End all sign-ins of a user.

    Open connections close, runs stop, and tokens issued until now stop working. With NETRA_DATABASE_URL, servers on other
    machines follow within 30 seconds. With --token-id one sign-in ends: its connections close, and runs go on.

    \b
    Example:
      netra revoke alice
      netra revoke alice --token-id 4f1c2a9be07d5533
    """
    check_id("user_id", user)
    settings = load_settings(data_dir)
    running = running_server(settings)
    if running is not None:
        asyncio.run(_through_server(running, local_token(settings, "netra-operator", ("admin",), 60), user, token_id))
    else:
        asyncio.run(_into_the_store(settings, user, token_id))
    ended = f"All sign-ins of {user} until now are" if token_id is None else f"The sign-in {token_id} of {user} is"
    out.print(f"✓ {ended} revoked.", highlight=False, markup=False)


async def _through_server(url: str, token: str, user: str, token_id: str | None) -> None:
    async with ServerAccess(url, token) as server:
        body = {} if token_id is None else {"token_id": token_id}
        await server.post_json(f"/api/admin/users/{user}/revoke", body)


async def _into_the_store(settings: Settings, user: str, token_id: str | None) -> None:
    if settings.database_url is None:
        make_data_directory(settings.data_dir)
        await _revoke_in(FileRevocations(settings.data_dir), settings, user, token_id)
        return
    from ..adapters.postgres.connection import WRITER, closing_pool
    from ..adapters.postgres.gate import require_postgres
    from ..adapters.postgres.revocations import PostgresRevocations

    await require_postgres(settings.database_url, settings.limits)
    async with closing_pool(settings.database_url, WRITER, settings.limits, size=1) as writer:
        await _revoke_in(PostgresRevocations(writer), settings, user, token_id)


async def _revoke_in(store: RevocationStore, settings: Settings, user: str, token_id: str | None) -> None:
    now_ms = time.time_ns() // 1_000_000
    revocations = Revocations(store, max_lifetime_s=settings.jwt_max_lifetime_s, tokens=settings.limits.revoked_tokens)
    await revocations.load()
    if token_id is None:
        await revocations.revoke(user, now_ms)
    else:
        await revocations.revoke_token(user, token_id, now_ms)
