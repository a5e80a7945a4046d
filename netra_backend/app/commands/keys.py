"""``netra key``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from ..config import Settings
from ..core.api_keys import KEY_SCOPES
from ..core.identity import ADMIN, EVERYBODY
from ..services.api_keys import WantedKey
from .common import (
    LOCAL_USER,
    DataDir,
    Json,
    User,
    command_group,
    load_settings,
    local_token,
    no_such,
    out,
    printable,
    running_server,
    told,
)
from .server_access import ServerAccess

if TYPE_CHECKING:
    from .stored_keys import StoredKeys

key = command_group("Make, list or revoke a user's API keys.")

_DAY_MS = 86_400_000


class Keys(Protocol):
    """The API keys of one user, wherever they are kept."""

    async def make(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """A new one, as ``POST /api/keys`` takes and answers it."""

    async def all(self) -> Sequence[Mapping[str, Any]]:
        """Each of them, as ``GET /api/keys`` lists them."""

    async def delete(self, key_id: str) -> None:
        """Delete one for good."""


@key.command("create")
@told
def create(
    name: Annotated[str, typer.Argument(help="What to call it: the program that is to have it.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it may do: {', '.join(KEY_SCOPES)}. May be repeated.", show_default=EVERYBODY),
    ] = None,
    agent: Annotated[
        list[str] | None, typer.Option(help="Only this agent may be asked. May be repeated.", show_default=False)
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="After so many days it ends.", show_default="NETRA_LIMIT_API_KEY_DAYS")
    ] = None,
    user: User = LOCAL_USER,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make an API key, with which a program signs in as the user, and print it. It is shown this once.

    \b
    Examples:
      netra key create ci
      netra key create importer --user alice --scope ingest --days 30
    """
    wanted: dict[str, Any] = {"name": name, "scopes": scope or [EVERYBODY], "agents": agent or []}
    if days is not None:
        wanted["expires_at"] = time.time_ns() // 1_000_000 + days * _DAY_MS
    made = asyncio.run(_make(load_settings(data_dir), user, wanted))
    if as_json:
        typer.echo(json.dumps(made))
        return
    typer.echo(made["key"])
    ends = datetime.fromtimestamp(made["expires_at"] / 1000, UTC)
    out.print(
        f"Keep it now: it is not shown again. It ends on {ends:%Y-%m-%d}.", style="dim", highlight=False, markup=False
    )


@key.command("list")
@told
def list_(user: User = LOCAL_USER, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List a user's API keys, by their names.

    \b
    Example:
      netra key list --user alice
    """
    found = asyncio.run(_all(load_settings(data_dir), user))
    if as_json:
        typer.echo(json.dumps({"keys": found}))
    elif not found:
        out.print(f"{user} has no API keys. Make one with: netra key create NAME", highlight=False, markup=False)
    else:
        _show(found)


@key.command("revoke")
@told
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name, as netra key list shows it.")],
    user: User = LOCAL_USER,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Delete an API key. It opens nothing any more, and its connections close; with NETRA_DATABASE_URL, servers on other machines
    follow within 30 seconds.

    \b
    Example:
      netra key revoke ci --user alice
    """
    asyncio.run(_revoke(load_settings(data_dir), user, name))
    if as_json:
        typer.echo(json.dumps({"revoked": name}))
    else:
        out.print(f"✓ The API key {printable(name)} of {user} is revoked.", highlight=False, markup=False)


async def _make(settings: Settings, user: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    async with _keys_of(settings, user, (ADMIN,)) as held:
        return dict(await held.make(wanted))


async def _all(settings: Settings, user: str) -> list[dict[str, Any]]:
    async with _keys_of(settings, user) as held:
        return [dict(each) for each in await held.all()]


async def _revoke(settings: Settings, user: str, name: str) -> None:
    async with _keys_of(settings, user) as held:
        found = next((each for each in await held.all() if each["name"] == name), None)
        if found is None:
            raise no_such("API key")
        await held.delete(found["id"])


@asynccontextmanager
async def _keys_of(settings: Settings, user: str, scopes: Sequence[str] = ()) -> AsyncIterator[Keys]:
    """Through the server that uses the data directory, or straight from the store if none does. Who may read the data
    directory is the operator, who may give a key any scope."""
    running = running_server(settings)
    if running is not None:
        async with ServerAccess(running, local_token(settings, user, scopes, 60)) as server:
            yield _AtServer(server)
        return
    from .stored_keys import stored_keys

    async with stored_keys(settings) as keys:
        yield _Stored(keys, user)


class _AtServer:
    def __init__(self, server: ServerAccess) -> None:
        self._server = server

    async def make(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        made: Mapping[str, Any] = await self._server.post_json("/api/keys", wanted)
        return made

    async def all(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = (await self._server.get("/api/keys"))["keys"]
        return found

    async def delete(self, key_id: str) -> None:
        await self._server.delete(f"/api/keys/{key_id}")


class _Stored:
    def __init__(self, keys: StoredKeys, user: str) -> None:
        self._keys = keys
        self._user = user

    async def make(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        made, written = await self._keys.make(self._user, WantedKey(**wanted))
        return {"id": made.key_id, "key": written, "expires_at": made.expires_ms}

    async def all(self) -> Sequence[Mapping[str, Any]]:
        from ..web.api.keys import listed_key

        found: Sequence[Mapping[str, Any]] = msgspec.to_builtins(
            [listed_key(each) for each in await self._keys.keys.of(self._user)]
        )
        return found

    async def delete(self, key_id: str) -> None:
        await self._keys.keys.delete(self._user, key_id)


def _show(found: Sequence[Mapping[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("name", "may", "agents", "made", "last used", "ends"):
        table.add_column(column)
    for each in found:
        times = (each["created_at"], each["last_used_at"], each["expires_at"])
        words = (each["name"], " ".join(each["scopes"]), " ".join(each["agents"]) or "all", *map(_day, times))
        table.add_row(*(escape(printable(word)) for word in words))
    out.print(table)


def _day(at_ms: int | None) -> str:
    return "never" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"
