"""``netra budget``."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from ..usage.money import display
from .common import (
    LOCAL_USER,
    CommandFailed,
    DataDir,
    Json,
    User,
    err,
    load_settings,
    local_token,
    out,
    running_server,
    start_hint,
    told,
)
from .server_access import ServerAccess

_UNKNOWN_PLAN: Final = (
    "The bounds are those of users whose token names no plan: which plan the user's own token names is not stored."
)


@told
def budget(
    everybody: Annotated[bool, typer.Option("--all", help="List all users who have spent this month.")] = False,
    user: User = LOCAL_USER,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show what requests to language models have cost a user, and what they may cost; or what they have cost all users.

    \b
    Examples:
      netra budget --user alice
      netra budget --all --json
    """
    settings = load_settings(data_dir)
    url = running_server(settings)
    if url is None:
        raise CommandFailed("connection_failed", "No server uses this data directory.", start_hint(data_dir))
    who, scopes = ("netra-operator", ("admin",)) if everybody else (user, ())
    answer = asyncio.run(_read(url, local_token(settings, who, scopes, 60), everybody=everybody))
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        out.print(_spenders(answer) if everybody else _budget(answer))
    if not everybody:
        err.print(_UNKNOWN_PLAN)


async def _read(url: str, token: str, *, everybody: bool) -> dict[str, Any]:
    async with ServerAccess(url, token) as server:
        answer: dict[str, Any] = await server.get("/api/admin/budgets" if everybody else "/api/budget")
        return answer


def _budget(answer: dict[str, Any]) -> Table:
    table = Table("", "spent", "of", "tokens", "of", box=None, pad_edge=False)
    for period in ("day", "month"):
        told = answer[period]
        table.add_row(
            period,
            display(told["spent_usd"]),
            "no bound" if told["most_usd"] is None else display(told["most_usd"]),
            f"{told['spent_tokens']:,}",
            "no bound" if told["most_tokens"] is None else f"{told['most_tokens']:,}",
        )
    return table


def _spenders(answer: dict[str, Any]) -> Table:
    table = Table("user", "spent", "tokens", "requests", title=answer["month"], box=None, pad_edge=False)
    for each in answer["users"]:
        table.add_row(Text(each["user_id"]), display(each["usd"]), f"{each['tokens']:,}", f"{each['requests']:,}")
    return table
