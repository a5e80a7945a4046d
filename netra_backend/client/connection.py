"""One WebSocket to a server, closed as done however its use ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PING_EVERY_S: Final = 20.0
PONG_WITHIN_S: Final = 20.0
"""A server that answers no ping for so long is gone."""


@asynccontextmanager
async def connected(url: str, user_id: str, token: str, *, open_timeout: float) -> AsyncIterator[ClientConnection]:
    """The user's connection to the server at this http(s) address. Raises what ``websockets`` does if there is none.

    It is closed with 1000, also after an exception or a cancellation, for which ``websockets`` itself sends 1011: an internal
    error, which an operator would look for. If the server answers no ping, the connection ends at once, as one that broke off
    (1006): there is nobody to close it with, and the ``websockets`` keepalive would send 1011.
    """
    connection = await connect(
        f"{url.replace('http', 'ws', 1)}/ws/{user_id}",
        additional_headers={"Authorization": f"Bearer {token}"},
        compression=None,
        max_size=None,
        proxy=None,
        open_timeout=open_timeout,
        ping_interval=None,
    )
    keepalive = asyncio.create_task(_keepalive(connection))
    try:
        yield connection
    finally:
        keepalive.cancel()
        await connection.close()


async def _keepalive(connection: ClientConnection) -> None:
    """Break the connection off if its server answers no ping."""
    with suppress(ConnectionClosed):
        while True:
            await asyncio.sleep(PING_EVERY_S)
            try:
                async with asyncio.timeout(PONG_WITHIN_S):
                    await (await connection.ping())
            except TimeoutError:
                connection.transport.abort()
                return
