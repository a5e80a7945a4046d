"""A WebSocket client for tests: it takes the welcome, skips heartbeats, keeps every frame, and fails by assertion.

A close by the server surfaces as ``ConnectionAbortedError(code, reason)`` from whatever was waiting.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .ids import new_id

PATIENCE_SECONDS: Final = 20.0
TERMINAL_EVENTS: Final = frozenset({"agent_completed", "agent_failed", "agent_cancelled"})

Frame = dict[str, Any]


class NothingReceived(AssertionError, TimeoutError):
    """No frame came while a test was willing to wait."""


class WebSocketTestClient:
    """One connection. ``welcome`` is its ``connected`` frame; ``received`` every text frame so far, as it came."""

    def __init__(self, connection: ClientConnection, patience: float) -> None:
        self._connection = connection
        self._patience = patience
        self.welcome: Frame = {}
        self.received: list[str] = []

    async def send_json(self, frame: Mapping[str, Any]) -> None:
        """Send one frame."""
        await self.send_text(json.dumps(frame))

    async def send_text(self, text: str) -> None:
        """Send a text frame as it is, valid or not."""
        try:
            await self._connection.send(text)
        except ConnectionClosed as closed:
            raise _aborted(closed) from closed

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame, which the protocol does not have."""
        await self._connection.send(data)

    async def receive_json(self) -> Frame:
        """The next frame that is no heartbeat. Raises ``ConnectionAbortedError`` on a close, ``NothingReceived`` on silence."""
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    text = await self._connection.recv(decode=True)
                    self.received.append(text)
                    frame: Frame = json.loads(text)
                    if frame.get("type") != "heartbeat":
                        return frame
        except ConnectionClosed as closed:
            raise _aborted(closed) from closed
        except TimeoutError:
            raise NothingReceived(f"no frame within {self._patience:g} s; so far: {self.received[-5:]}") from None

    async def resume(self) -> None:
        """Ask for what is missing, as a device does that has just connected. From then on what any process commits comes here:
        without it, what another process commits before this one has looked at the user's threads does not."""
        await self.send_json({"type": "resume", "positions": {new_id("thread"): {"epoch": "none", "seq": 0}}})
        while (frame := await self.receive_json())["type"] != "error":
            assert frame["type"] == "live", frame
        assert frame["error"] == "not_found", frame

    async def expect_event(self, kind: str, **fields: Any) -> Frame:
        """The next frame of this type, with these fields; other events may come before it, an ``error`` frame may not."""
        while True:
            frame = await self.receive_json()
            if frame["type"] == kind:
                wrong = {name: frame.get(name) for name, value in fields.items() if frame.get(name) != value}
                assert not wrong, f"{kind} came with {wrong}, expected {fields}"
                return frame
            assert frame["type"] != "error", f"expected {kind}, got {frame}"
            assert frame["type"] not in TERMINAL_EVENTS, f"the run ended without {kind}: {frame}"

    async def expect_error(
        self, error: str | None = None, *, matching: str | None = None, code: int | None = None
    ) -> Frame:
        """The very next frame, which must be an ``error``: of this id, with a message that matches, with this ``code``."""
        frame = await self.receive_json()
        assert frame["type"] == "error", f"expected an error, got {frame}"
        assert error is None or frame["error"] == error, f"expected the error {error!r}, got {frame}"
        assert matching is None or re.search(matching, frame["message"]), f"no {matching!r} in {frame['message']!r}"
        assert code is None or frame.get("code") == code, f"expected the code {code}, got {frame}"
        return frame

    async def run_agent(self, agent: str, message: str, **fields: Any) -> list[Frame]:
        """Start a run and return its frames, from ``accepted`` to the event that ends it. A refusal fails."""
        await self.send_json({"type": "execute_agent", "agent": agent, "message": message, **fields})
        accepted = await self.receive_json()
        assert accepted["type"] == "accepted", f"expected accepted, got {accepted}"
        frames = [accepted]
        while frames[-1]["type"] not in TERMINAL_EVENTS:
            frame = await self.receive_json()
            assert frame["type"] != "error", f"the run was broken by {frame}"
            if frame.get("run_id") == accepted["run_id"]:
                frames.append(frame)
        return frames

    async def expect_close(self, code: int) -> None:
        """Read until the server closes, which must be with this code."""
        seen: tuple[Any, ...] = ()
        while not seen:
            try:
                await self.receive_json()
            except ConnectionAbortedError as closed:
                seen = closed.args
        assert seen[0] == code, f"closed with {seen}, expected {code}"

    def drop(self) -> None:
        """Cut the connection without a closing handshake, as a dead network does."""
        self._connection.transport.abort()


@asynccontextmanager
async def websocket_client(
    url: str, token: str | None, *, patience: float = PATIENCE_SECONDS, origin: str | None = None
) -> AsyncIterator[WebSocketTestClient]:
    """Connect with ``token`` in the Authorization header and take the welcome frame.

    A ``url`` without a path is completed to ``/ws/{user_id}`` with the token's subject. With ``token=None`` nothing is sent
    and no welcome awaited: the caller authenticates, or sees what comes of it. ``patience`` bounds each wait, in seconds.
    """
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    if token is not None and urlsplit(url).path in ("", "/"):
        url = f"{url.rstrip('/')}/ws/{subject_of(token)}"
    async with connect(
        url,
        additional_headers=headers,
        origin=origin,  # type: ignore[arg-type]  # websockets' NewType of str
        compression=None,
        ping_interval=None,
        open_timeout=patience,
        close_timeout=2,
        max_size=None,
        proxy=None,
    ) as connection:
        client = WebSocketTestClient(connection, patience)
        if token is not None:
            await _take_welcome(client)
        yield client


async def _take_welcome(client: WebSocketTestClient) -> None:
    frame = await client.receive_json()
    if frame["type"] == "error":  # what follows is the close, which says it again as a code
        while True:
            await client.receive_json()
    assert frame["type"] == "connected", f"the first frame must be connected, not {frame}"
    client.welcome = frame


def subject_of(token: str) -> str:
    """The user id that a token names, unverified."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["sub"])


def _aborted(closed: ConnectionClosed) -> ConnectionAbortedError:
    frame = closed.rcvd
    return ConnectionAbortedError(frame.code, frame.reason) if frame else ConnectionAbortedError(1006, "no close frame")
