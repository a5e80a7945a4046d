"""A server behind a proxy that gives it a path of its own: with the path stripped, and with it left on."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect

from test_framework.served import Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("base", ["", "/netra"])
async def test_http_and_websocket_are_reached_with_the_base_path_and_without(serve_with: Serve, base: str) -> None:
    async with serve_with(public_url="https://chat.example.org/netra") as served:
        user = served.user()
        async with served.http(user) as http:
            assert (await http.get(f"{base}/api/me")).json()["user_id"] == user.id
            absent = (await http.get(f"{base}/api/runs/run_x1")).json()
            assert absent["type"] == "https://chat.example.org/netra/errors#not_found"
        url = f"ws://127.0.0.1:{served.port}{base}/ws/{user.id}"
        async with connect(url, additional_headers={"Authorization": f"Bearer {user.token}"}) as socket:
            assert '"connected"' in str(await socket.recv())


async def test_a_path_that_only_begins_like_the_base_path_is_not_under_it(serve_with: Serve) -> None:
    async with serve_with(public_url="https://chat.example.org/netra") as served, served.http(None) as http:
        assert (await http.get("/netrahealthz")).status_code == 404
        assert (await http.get("/netra/healthz")).status_code == 200
