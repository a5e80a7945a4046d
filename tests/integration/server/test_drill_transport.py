"""Synthetic users come in by the same endpoints as everybody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from netra_backend.app.server.drill_transport import AsgiTransport
from test_framework.local_runtime import running_application


@pytest_asyncio.fixture
async def line(tmp_path: Path) -> AsyncIterator[AsgiTransport]:
    async with running_application(tmp_path / "data") as (application, runtime):
        made = AsgiTransport(application, runtime.sign_in_synthetic, runtime.mint("drill"))
        yield made
        await made.close()


async def test_a_synthetic_user_is_connected(line: AsgiTransport) -> None:
    await line.open()
    welcome = json.loads(await line.receive() or "")
    assert (welcome["type"], welcome["user_id"]) == ("connected", line.user_id)
    await line.send('{"type": "ping", "id": "key"}')
    assert json.loads(await line.receive() or "")["id"] == "key"


async def test_it_has_no_rights_but_those_of_everybody(line: AsgiTransport) -> None:
    me = json.loads((await line.http("GET", "/api/me")).body)
    assert (me["user_id"], me["scopes"]) == (line.user_id, ["usage"])
    assert (await line.http("GET", "/api/admin/connections")).status == 403


async def test_the_query_of_an_address_reaches_the_server(line: AsgiTransport) -> None:
    refused = json.loads((await line.http("GET", "/api/usage/report?from=yesterday")).body)
    assert (refused["error"], refused["field"]) == ("invalid_frame", "from")


async def test_it_is_turned_away_at_another_users_path(line: AsgiTransport) -> None:
    first, code = await line.knock("user_123")
    assert (json.loads(first)["error"], code) == ("user_mismatch", 4504)


async def test_the_end_of_its_connection_is_told(line: AsgiTransport) -> None:
    await line.open()
    await line.receive()
    for _ in range(3):
        await line.send("no JSON")
    told = [await line.receive() for _ in range(4)]
    assert told[-1] is None
