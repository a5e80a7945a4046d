"""``netra datasets``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Protocol

import typer
from rich.markup import escape
from rich.table import Table

from ..adapters.process.data_directory import make_data_directory
from ..config import Settings
from ..ports import Ledger
from .common import (
    LOCAL_USER,
    CommandFailed,
    DataDir,
    Json,
    UsageError,
    User,
    command_group,
    counted,
    load_settings,
    local_token,
    no_such,
    out,
    printable,
    running_server,
    told,
)
from .server_access import ServerAccess

datasets = command_group("List or delete a user's usage datasets.")


class _Datasets(Protocol):
    """The datasets of one user, wherever they are asked for."""

    async def all(self) -> list[dict[str, Any]]:
        """Each of them, oldest first."""

    async def delete(self, dataset_id: str) -> None:
        """Delete one for good. Raises a typed error if there is none of that id."""


@datasets.command("list")
@told
def list_(user: User = LOCAL_USER, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List a user's datasets, oldest first.

    \b
    Examples:
      netra datasets list
      netra datasets list --user alice --json
    """
    found = asyncio.run(_all(load_settings(data_dir), user))
    if as_json:
        typer.echo(json.dumps({"datasets": found}))
    elif not found:
        out.print(f"{user} has no datasets. Import usage with: netra import FILE", highlight=False, markup=False)
    else:
        _show(found)


@datasets.command("delete")
@told
def delete(
    dataset_id: Annotated[str, typer.Argument(help="The id of the dataset, as netra datasets list shows it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking for confirmation.")] = False,
    user: User = LOCAL_USER,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Delete a dataset for good.

    Asks for confirmation, unless --yes is given. Exits with 1 if there is no such dataset or you decline.

    \b
    Example:
      netra datasets delete ds_01a2… --yes
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError("Deleting a dataset needs confirmation. Add --yes to delete it without being asked.")
    settings = load_settings(data_dir)
    found = asyncio.run(_all(settings, user))
    dataset = next((each for each in found if each["dataset_id"] == dataset_id), None)
    if dataset is None:
        raise no_such("dataset")
    name, rows = printable(dataset["name"]), counted(dataset["rows"], "row")
    if not yes and not typer.confirm(f"Delete {name} ({rows}) for good?", err=True):
        raise CommandFailed("declined", "Nothing was deleted.", "")
    asyncio.run(_delete(settings, user, dataset_id))
    if as_json:
        typer.echo(json.dumps({"deleted": dataset_id}))
    else:
        out.print(f"✓ Deleted {name} ({rows}).", highlight=False, markup=False)


async def _all(settings: Settings, user: str) -> list[dict[str, Any]]:
    async with _datasets_of(settings, user) as held:
        return await held.all()


async def _delete(settings: Settings, user: str, dataset_id: str) -> None:
    async with _datasets_of(settings, user) as held:
        await held.delete(dataset_id)


@asynccontextmanager
async def _datasets_of(settings: Settings, user: str) -> AsyncIterator[_Datasets]:
    """Through the server that uses the data directory, or straight in it if none does."""
    running = running_server(settings)
    if running is not None:
        async with ServerAccess(running, local_token(settings, user)) as server:
            yield _AtServer(server)
        return
    from ..usage_stores import open_ledger  # DuckDB takes a moment to load

    make_data_directory(settings.data_dir)
    async with open_ledger(settings) as ledger:
        yield _InDirectory(ledger, user)


class _AtServer:
    def __init__(self, server: ServerAccess) -> None:
        self._server = server

    async def all(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._server.get("/api/usage/datasets"))["datasets"]
        return found

    async def delete(self, dataset_id: str) -> None:
        await self._server.delete(f"/api/usage/datasets/{dataset_id}")


class _InDirectory:
    def __init__(self, ledger: Ledger, user: str) -> None:
        self._ledger = ledger
        self._user = user

    async def all(self) -> list[dict[str, Any]]:
        return await self._ledger.datasets(self._user)

    async def delete(self, dataset_id: str) -> None:
        if not await self._ledger.delete_dataset(self._user, dataset_id):
            raise no_such("dataset")


def _show(found: list[dict[str, Any]]) -> None:
    table = Table("name / dataset", "format", "rows", "from / to", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    table.columns[2].justify = "right"
    for each in found:
        rejected = f"\n[dim]{each['rejected']:,} rejected[/]" if each["rejected"] else ""
        table.add_row(
            f"{escape(printable(each['name'])[:36])}\n[dim]{each['dataset_id']}[/]",
            escape(each["format"]),
            f"{each['rows']:,}{rejected}",
            f"{each['first_ts'][:10]}\n[dim]{each['last_ts'][:10]}[/]",
        )
    out.print(table)
