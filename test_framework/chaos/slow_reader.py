"""A device that never reads beside a neighbour that asks: what the one costs the other."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import Final

from websockets.asyncio.client import connect

from ..server_process import ServerProcess
from ..users import LocalUsers, TestUser
from ..websocket_client import PATIENCE_SECONDS, WebSocketTestClient, websocket_client

ROUNDS: Final = 6
MESSAGE_BYTES: Final = 60_000
MESSAGES: Final = 80
"""Enough for the outbox and the buffers of both kernels: each message comes back five times."""


@asynccontextmanager
async def reads_nothing(url: str, user: TestUser) -> AsyncIterator[WebSocketTestClient]:
    """A connection that takes nothing, not even its welcome, until it is read from, and has little room for what comes."""
    host, port = url.removeprefix("ws://").split(":")
    near = socket.socket()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    near.setblocking(False)
    await asyncio.get_running_loop().sock_connect(near, (host, int(port)))
    async with connect(
        f"{url}/ws/{user.id}",
        sock=near,
        additional_headers={"Authorization": f"Bearer {user.token}"},
        compression=None,
        ping_interval=None,
        close_timeout=2,
        max_size=None,
        max_queue=1,
        proxy=None,
    ) as connection:
        yield WebSocketTestClient(connection, PATIENCE_SECONDS)


async def fill(client: WebSocketTestClient, messages: int = MESSAGES) -> str:
    """Have more said in a thread than a device that does not read may leave unread; the thread."""
    thread_id: str | None = None
    for number in range(messages):
        text = f"{number} ".ljust(MESSAGE_BYTES, "x")
        more = {} if thread_id is None else {"thread_id": thread_id}
        thread_id = (await client.run_agent("echo", text, **more))[0]["thread_id"]
    assert thread_id is not None
    return thread_id


async def compare(place: Path, say: Callable[[str], None]) -> None:
    """Tell a neighbour's latency, in turns: beside a user whose two devices read, and beside one of which one does not."""
    with ServerProcess(place / "data", app="test_framework.echo") as server:
        users = LocalUsers(server.data_dir)
        both: dict[str, list[float]] = {"all read": [], "one never reads": []}
        for _ in range(ROUNDS):
            for name, taken in both.items():
                loud, neighbour = users.make("loud@example.org"), users.make("neighbour@example.org")
                other = reads_nothing if name == "one never reads" else _reads_all
                async with (
                    websocket_client(server.websocket_url, loud.token) as asking,
                    other(server.websocket_url, loud),
                    websocket_client(server.websocket_url, neighbour.token) as client,
                ):
                    filling = asyncio.create_task(fill(asking))
                    taken += await _latencies(client, filling)
                    await filling
    for name, taken in both.items():
        cuts = quantiles(taken, n=100)
        say(f"{name:<16} neighbour's runs {len(taken)}: p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms")


@asynccontextmanager
async def _reads_all(url: str, user: TestUser) -> AsyncIterator[None]:
    async with websocket_client(url, user.token) as client:
        reading = asyncio.create_task(_read(client))
        yield
        reading.cancel()
        await asyncio.wait([reading])


async def _read(client: WebSocketTestClient) -> None:
    while True:
        await client.receive_json()


async def _latencies(client: WebSocketTestClient, meanwhile: asyncio.Task[str]) -> list[float]:
    taken = []
    while not meanwhile.done():
        began = time.perf_counter()
        await client.run_agent("echo", "hello")
        taken.append((time.perf_counter() - began) * 1000)
    return taken
