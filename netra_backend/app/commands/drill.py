"""``netra drill``."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated

import httpx
import typer
from rich.table import Table
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from ...client.connection import connected
from ...client.errors import ClientError
from ...client.identity import user_of
from ..core.ids import mint
from ..drill.actor import BINARY, BROKEN, DrillFailed, HttpAnswer, content_type
from ..drill.isolation_drill import DrillReport, hold_drill
from ..drill.judging import LEAKED
from .common import DataDir, Json, UsageError, err, load_settings, local_token, out, told, web_address
from .server_access import require_server

_TIMEOUT_S = 20.0
_NOT_HELD = 2


def _new_id(kind: str) -> str:
    return mint(kind, time.time_ns() // 1_000_000, secrets.token_bytes(10))


@told
def drill(
    url: Annotated[str, typer.Argument(help="The server's address, such as https://chat.example.org")],
    token: Annotated[
        list[str] | None,
        typer.Option(
            help="The token of a user who takes part; give it twice, for two users.",
            show_default="two synthetic users",
        ),
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Check isolation on a live server: one user tries to reach another's data.

    Every attempt must be refused in the same way as for data that does not exist. Without tokens, the development key of the
    data directory signs in two synthetic users. The drill deletes what it created.

    Exits with 0 if every attempt was refused, 1 if something leaked, 2 if the drill could not be completed.

    \b
    Examples:
      netra drill http://127.0.0.1:8000
      netra drill https://chat.example.org --token TOKEN_OF_ONE --token TOKEN_OF_OTHER
    """
    address = web_address(url)
    tokens = token or [local_token(load_settings(data_dir), _new_id("drill"), lifetime_s=600) for _ in range(2)]
    if len(tokens) != 2:
        raise UsageError("A drill needs the tokens of two users. Give --token twice, or leave it out.")
    try:
        report = asyncio.run(_drill(address, *tokens))
    except (DrillFailed, ClientError, ConnectionClosed, InvalidHandshake, httpx.HTTPError, OSError) as fault:
        reason = (str(fault) or type(fault).__name__).rstrip(".")
        err.print(
            f"✗ The drill could not be completed: {reason}.",
            style="bold red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(_NOT_HELD) from None
    _show(report, as_json)
    raise typer.Exit(1 if report.leaks else 0)


def _show(report: DrillReport, as_json: bool) -> None:
    if as_json:
        for row in report.rows:
            typer.echo(json.dumps(asdict(row)))
        return
    table = Table("attempt", "verdict", "answer", box=None, pad_edge=False)
    for row in report.rows:
        style = "bold red" if row.verdict == LEAKED else "green"
        table.add_row(row.endpoint, f"[{style}]{row.verdict}[/]", row.answer)
    out.print(table)


class _NetworkTransport:
    """``drill.actor.Transport`` over a network."""

    def __init__(
        self, url: str, user_id: str, token: str, http: httpx.AsyncClient, connection: ClientConnection
    ) -> None:
        self.user_id = user_id
        self._url = url
        self._token = token
        self._http = http
        self._connection = connection

    async def send(self, text: str) -> None:
        await self._connection.send(text)

    async def receive(self) -> str | None:
        try:
            return await self._connection.recv(decode=True)
        except ConnectionClosed:
            return None

    async def http(self, method: str, path: str, body: bytes | None = None, *, media: str = BINARY) -> HttpAnswer:
        try:
            answer = await self._http.request(method, path, content=body, headers=content_type(body, media))
        except httpx.RemoteProtocolError:
            return HttpAnswer(BROKEN, b"")
        return HttpAnswer(answer.status_code, answer.content)

    async def knock(self, path_user: str) -> tuple[str, int]:
        async with connected(self._url, path_user, self._token, open_timeout=_TIMEOUT_S) as connection:
            first = await connection.recv(decode=True)
            await connection.wait_closed()
            return first, connection.close_code or 0


@asynccontextmanager
async def _line(url: str, token: str) -> AsyncIterator[_NetworkTransport]:
    headers = {"Authorization": f"Bearer {token}"}
    user_id = await user_of(url, token)
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT_S, trust_env=False) as http,
        connected(url, user_id, token, open_timeout=_TIMEOUT_S) as connection,
    ):
        yield _NetworkTransport(url, user_id, token, http, connection)


async def _drill(url: str, owner: str, intruder: str) -> DrillReport:
    await require_server(url, "Check the address, or start a server there with: netra serve")
    async with _line(url, owner) as first, _line(url, intruder) as second:
        return await hold_drill(first, second, _new_id)
