"""Synthetic users come in by the same doors as everybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from netra_backend.app.config import Settings
from netra_backend.app.web.application import Application
from netra_backend.app.web.drill_line import AsgiLine
from netra_backend.app.wiring import build


@pytest_asyncio.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    made = build(Settings(data_dir=tmp_path / "data"))
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    inbox.put_nowait({"type": "lifespan.startup"})
    serving = asyncio.create_task(made({"type": "lifespan"}, inbox.get, outbox.put))
    await outbox.get()
    yield made
    inbox.put_nowait({"type": "lifespan.shutdown"})
    await serving


@pytest_asyncio.fixture
async def line(application: Application) -> AsyncIterator[AsgiLine]:
    assert application.runtime is not None
    made = AsgiLine(application, application.runtime, application.runtime.mint("drill"))
    yield made
    await made.close()


async def test_a_synthetic_user_is_connected_by_a_ticket(line: AsgiLine) -> None:
    await line.open()
    welcome = json.loads(await line.receive() or "")
    assert (welcome["type"], welcome["user_id"]) == ("connected", line.user_id)
    await line.send('{"type": "ping", "id": "key"}')
    assert json.loads(await line.receive() or "")["id"] == "key"


async def test_it_has_no_rights_but_those_of_everybody(line: AsgiLine) -> None:
    me = json.loads((await line.http("GET", "/api/me")).body)
    assert (me["user_id"], me["scopes"]) == (line.user_id, ["usage"])
    assert (await line.http("GET", "/api/admin/connections")).status == 403


async def test_it_is_turned_away_at_another_users_path(line: AsgiLine) -> None:
    first, code = await line.knock("user_123")
    assert (json.loads(first)["error"], code) == ("user_mismatch", 4504)


async def test_the_end_of_its_connection_is_told(line: AsgiLine) -> None:
    await line.open()
    await line.receive()
    for _ in range(3):
        await line.send("no JSON")
    told = [await line.receive() for _ in range(4)]
    assert told[-1] is None
