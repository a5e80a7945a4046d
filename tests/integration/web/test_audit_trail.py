"""A server whose audit trail cannot be written, or does not stand; and where its rows come from."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from netra_backend.app.core.errors import ConfigurationError
from netra_backend.app.core.settings_values import networks
from netra_backend.app.wiring import create_app
from test_framework.audit_trail import KEY
from test_framework.served import Serve, Served
from test_framework.users import TestUser
from test_framework.websocket_client import WebSocketTestClient, websocket_client

pytestmark = pytest.mark.asyncio(loop_scope="module")


def sql(data_dir: Path, *statements: str) -> None:
    with closing(sqlite3.connect(data_dir / "audit.db", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@asynccontextmanager
async def unwritable(served: Served, user: TestUser) -> AsyncIterator[WebSocketTestClient]:
    """A device that was connected before, while rows cannot be written and one waits to be; afterwards they can be."""
    data_dir = served.runtime.settings.data_dir
    async with websocket_client(f"{served.url.replace('http', 'ws')}/ws/{user.id}", user.token) as client:
        sql(data_dir, "ALTER TABLE audit RENAME TO elsewhere")
        try:
            async with served.http(user) as http:
                assert (await http.get("/api/runs/run_x1")).status_code == 404
            await served.until(lambda: served.runtime.audit.trouble)
            yield client
        finally:
            sql(data_dir, "ALTER TABLE elsewhere RENAME TO audit")
        await served.until(lambda: not served.runtime.audit.trouble)


async def test_what_nobody_would_know_of_is_not_done_until_the_trail_can_be_written_again(serve_with: Serve) -> None:
    async with serve_with() as served:
        user = served.user()
        async with served.http(user) as http:
            async with unwritable(served, user) as client:
                refused = await http.get("/api/threads")
                assert (refused.status_code, refused.json()["error"]) == (503, "dependency_unavailable")
                assert "The audit trail cannot be written." in refused.text
                await client.send_json({"type": "execute_agent", "agent": "echo", "message": "hello"})
                assert (await client.receive_json())["error"] == "dependency_unavailable"
                with pytest.raises(InvalidStatus, match="503"):
                    async with connect(f"{served.url.replace('http', 'ws')}/ws/{user.id}", proxy=None):
                        pass
                ready = await http.get("/readyz")
                assert (ready.status_code, ready.json()["parts"]["audit"]) == (503, "down")
                assert (await http.get("/healthz")).status_code == 200
            await served.ran(user)
            rows = (await http.get("/api/audit")).json()["rows"]
            assert [row["point"] for row in rows] == ["run.owned"]


async def test_where_the_operator_wants_it_so_the_server_goes_on_without_its_trail(serve_with: Serve) -> None:
    async with serve_with(audit_on_failure="continue") as served:
        user = served.user()
        async with served.http(user) as http, unwritable(served, user) as client:
            assert (await http.get("/api/threads")).status_code == 200
            await client.send_json({"type": "execute_agent", "agent": "echo", "message": "hello"})
            assert (await client.receive_json())["type"] == "accepted"
            assert served.runtime.audit_trail.state == ""


async def test_a_chain_that_is_broken_far_from_its_end_makes_a_server_not_ready(
    serve_with: Serve, tmp_path: Path
) -> None:
    async with serve_with() as served:
        for number in range(1_200):
            served.runtime.audit.record("ada", "connected", None, {}, number)
        await served.runtime.audit.rows("ada", 1)
    sql(tmp_path / "data", "UPDATE audit SET at = 0 WHERE id = 3")
    async with serve_with() as served:
        await served.until(lambda: served.runtime.audit.broken)
        async with served.http(None) as http:
            ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["parts"]["audit"]) == (503, "down")


@pytest.mark.validation_point("audit.chain")
async def test_a_chain_that_is_broken_at_its_end_refuses_the_start(serve_with: Serve, tmp_path: Path) -> None:
    async with serve_with() as served:
        for number in range(5):
            served.runtime.audit.record("ada", "connected", None, {}, number)
        settings = served.runtime.settings
    sql(tmp_path / "data", "DELETE FROM audit WHERE id > 2")
    application = create_app(settings)
    with pytest.raises(ConfigurationError, match="the rows after row 2, up to row 5 at least, were cut off"):
        async with application._open_runtime(application):
            pass


async def test_rows_tell_where_a_client_came_from_by_what_a_trusted_proxy_says(serve_with: Serve) -> None:
    async with serve_with(trusted_proxies=networks("127.0.0.1/32"), audit_key=KEY.encode()) as served:
        user = served.user()
        async with served.http(user, **{"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}) as http:
            await http.post("/api/tickets")
            await http.get("/api/runs/run_x1")
            await http.get("/api/me/export")
            lines = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "198.51.100.7")]
            http.headers.pop("X-Forwarded-For")
            await http.get("/api/me/export", headers=lines)
            http.headers["X-Forwarded-For"] = "198.51.100.7"
            rows = (await http.get("/api/audit")).json()["rows"]
        assert [row["detail"]["address"] for row in rows] == ["198.51.100.7"] * 4
        forwarded = {"X-Forwarded-For": "192.0.2.77"}
        url = f"{served.url.replace('http', 'ws')}/ws/{user.id}"
        async with connect(url, proxy=None, additional_headers={**forwarded, "Authorization": "Bearer x.y.z"}) as bad:
            await bad.recv()
        await served.runtime.audit.rows(user.id, 1)
        data_dir = served.runtime.settings.data_dir
        assert not (data_dir / "audit.key").exists()
        with closing(sqlite3.connect(data_dir / "audit.db")) as connection:
            anonymous = connection.execute("SELECT detail FROM audit WHERE subject IS NULL").fetchall()
        assert ['"address":"192.0.2.77"' in row[0] for row in anonymous] == [True]
        async with websocket_client(url, user.token) as client:
            await client.send_json({"type": "cancel_run", "run_id": "run_x1"})
            assert (await client.receive_json())["type"] == "error"
        (row,) = await served.runtime.audit.rows(user.id, 1)
        assert row["detail"]["address"] == "127.0.0.1"
