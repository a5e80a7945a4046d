"""``python -m test_framework.floods NAME URL DATA_DIR``: one flood against a server, until it is ended. It prints one line
when it flows. ``Flood`` runs it as a process of its own, so that a neighbour who is watched does not share a loop with it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from .reaper import in_child
from .users import LocalUsers, TestUser

_MASK: Final = b"\0\0\0\0"
_BEGUN: Final = b"\x01\x80" + _MASK
_EMPTY: Final = b"\x00\x80" + _MASK
_PONG: Final = b"\x8a\x80" + _MASK
_PING: Final = b"\x89\xfd" + _MASK + b"p" * 125
_AT_ONCE: Final = 10_000
_PAUSE_S: Final = 0.005


class Target:
    """The server, and users of it that a flood signs in as."""

    def __init__(self, url: str, data_dir: Path) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self._users = LocalUsers(data_dir)
        self._everybody: TestUser | None = None
        self._is_told = False

    def user(self) -> TestUser:
        """Somebody new."""
        return self._users.make("flood@example.org")

    def same_user(self) -> TestUser:
        """The same somebody at each call."""
        if self._everybody is None:
            self._everybody = self.user()
        return self._everybody

    def flows(self) -> None:
        """Say so, once."""
        if not self._is_told:
            self._is_told = True
            print("flows", flush=True)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TCP connection."""
        return await asyncio.open_connection(self.host, self.port)

    async def upgrade(
        self, token: str | None = None, user_id: str = "user_flood"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """An open WebSocket. Raises ``ConnectionError`` if it is refused."""
        reader, writer = await self.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        bearer = f"Authorization: Bearer {token}\r\n" if token is not None else ""
        writer.write(
            f"GET /ws/{user_id} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{bearer}\r\n".encode()
        )
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            raise ConnectionError("closed") from None
        if not head.startswith(b"HTTP/1.1 101 "):
            writer.close()
            raise ConnectionError(head[:60].decode())
        return reader, writer


Attempt = Callable[[Target], Awaitable[None]]


async def _pour(target: Target, writer: asyncio.StreamWriter, first: bytes, again: bytes) -> None:
    """Send without end."""
    writer.write(first)
    try:
        while True:
            writer.write(again)
            await writer.drain()
            target.flows()
    finally:
        writer.transport.abort()


async def _read_on(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


async def _reading(target: Target, pair: tuple[asyncio.StreamReader, asyncio.StreamWriter], data: bytes) -> None:
    reading = asyncio.create_task(_read_on(pair[0]))
    try:
        await _pour(target, pair[1], b"", data)
    finally:
        reading.cancel()


async def fragments(target: Target) -> None:
    """Empty fragments of a message without end, of a stranger."""
    _, writer = await target.upgrade()
    await _pour(target, writer, _BEGUN, _EMPTY * _AT_ONCE)


async def fragments_of_a_user(target: Target) -> None:
    """The same, of somebody who is signed in."""
    user = target.user()
    _, writer = await target.upgrade(user.token, user.id)
    await _pour(target, writer, _BEGUN, _EMPTY * _AT_ONCE)


async def pongs(target: Target) -> None:
    """Pongs that nobody asked for, of somebody who is signed in."""
    user = target.user()
    _, writer = await target.upgrade(user.token, user.id)
    await _pour(target, writer, b"", _PONG * _AT_ONCE)


async def pings(target: Target) -> None:
    """Pings whose pongs are read, of somebody who is signed in."""
    user = target.user()
    await _reading(target, await target.upgrade(user.token, user.id), _PING * 1000)


async def unread_pongs(target: Target) -> None:
    """Pings whose pongs are never read."""
    user = target.user()
    _, writer = await target.upgrade(user.token, user.id)
    await _pour(target, writer, b"", _PING * 1000)


async def drips(target: Target) -> None:
    """A request's head, a byte at a time."""
    _, writer = await target.connect()
    try:
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Drip: " * 1000:
            writer.write(bytes((byte,)))
            await writer.drain()
            target.flows()
            await asyncio.sleep(0.5)
    finally:
        writer.transport.abort()


async def pipelined(target: Target) -> None:
    """Requests one behind the other, whose answers are read."""
    await _reading(target, await target.connect(), b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n" * 5_000)


async def _asking(target: Target, path: str, header: str = "") -> None:
    """One request after the other over one connection, each when the one before was answered."""
    reader, writer = await target.connect()
    request = f"GET {path} HTTP/1.1\r\nHost: {target.host}\r\n{header}\r\n".encode()
    try:
        while True:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            target.flows()
    finally:
        writer.transport.abort()


async def refused(target: Target) -> None:
    """Requests without a token, over many connections that stay open."""
    await _asking(target, "/api/me")


async def refused_tokens(target: Target) -> None:
    """The same with tokens that do not hold."""
    await _asking(target, "/api/me", "Authorization: Bearer e30.e30.e30\r\n")


async def refused_of_a_user(target: Target) -> None:
    """The same, of one user who is signed in."""
    await _asking(target, "/api/me", f"Authorization: Bearer {target.same_user().token}\r\n")


async def probes(target: Target) -> None:
    """The same for what tells whether the server is up, and is never refused."""
    await _asking(target, "/healthz")


async def reconnects(target: Target) -> None:
    """Requests without a token, each over a connection of its own."""
    reader, writer = await target.connect()
    writer.write(b"GET /api/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    try:
        await reader.read()
        target.flows()
    finally:
        writer.transport.abort()


async def chunks(target: Target) -> None:
    """A body in chunks of a byte, for an endpoint that needs a sign-in."""
    _, writer = await target.connect()
    head = b"POST /api/usage/datasets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    await _pour(target, writer, head, b"1\r\nx\r\n" * _AT_ONCE)


async def handshakes(target: Target) -> None:
    """WebSockets of strangers, one after the other, that wait for a token and say nothing."""
    _, writer = await target.upgrade()
    target.flows()
    _HELD.append(writer)
    if len(_HELD) > 5_000:
        _HELD.pop(0).transport.abort()


_HELD: list[asyncio.StreamWriter] = []


async def bad_tokens(target: Target) -> None:
    """WebSockets with tokens that do not hold."""
    try:
        _, writer = await target.upgrade("e30.e30.e30")
    finally:
        target.flows()
    writer.transport.abort()


async def descriptors(target: Target) -> None:
    """Connections that say nothing, as many as there may be."""
    reader, writer = await target.connect()
    target.flows()
    try:
        await reader.read()
    finally:
        writer.transport.abort()


async def slow_uploads(target: Target) -> None:
    """Uploads of a byte now and then, each of somebody else."""
    user = target.user()
    _, writer = await target.connect()
    writer.write(
        f"POST /api/usage/datasets HTTP/1.1\r\nHost: {target.host}\r\nAuthorization: Bearer {user.token}\r\n"
        "Content-Length: 1000000\r\n\r\n".encode()
    )
    try:
        while True:
            writer.write(b"x")
            await writer.drain()
            target.flows()
            await asyncio.sleep(1)
    finally:
        writer.transport.abort()


def _text(payload: bytes) -> bytes:
    length = len(payload)
    header = b"\x81\xfe" + length.to_bytes(2, "big") if length < 65_536 else b"\x81\xff" + length.to_bytes(8, "big")
    return header + _MASK + payload


async def texts(target: Target) -> None:
    """The longest texts that there may be, of shapes that a careless expression is slow on."""
    user = target.user()
    pair = await target.upgrade(user.token, user.id)
    shapes = ("-eyJ" + "a" * 60, "eyJ." * 16, "a@" * 32, "key=" * 16, "[" * 64, "\\ud83d" * 10)
    frames = [
        _text(('{"type":"execute_agent","agent":"echo","message":"' + shape * (60_000 // len(shape)) + '"}').encode())
        for shape in shapes
    ]
    await _reading(target, pair, b"".join(frames))


async def too_long(target: Target) -> None:
    """Texts of a megabyte."""
    user = target.user()
    await _reading(
        target, await target.upgrade(user.token, user.id), _text(b'{"id":"a","message":"' + b"x" * 1_000_000)
    )


async def values(target: Target) -> None:
    """The longest texts that there may be, of as many values: answers to a question of nobody, and messages to no agent."""
    user = target.user()
    pair = await target.upgrade(user.token, user.id)
    many = ",".join(("{}",) * 21_000)
    frames = (
        f'{{"type":"answer_question","question_id":"qst_run_01a22acbc81eb5bb184bddd4350dec32.2","answer":[{many}]}}',
        f'{{"type":"execute_agent","agent":"nosuch","parts":[{{"type":"data","data":[{many}]}}]}}',
    )
    await _reading(target, pair, b"".join(_text(frame.encode()) for frame in frames))


async def conversations(target: Target) -> None:
    """The longest conversations that clients of other protocols may send, of as many messages, to no agent."""
    user, text = target.user(), b"x" * 2_900_000
    body = b'{"model":"nosuch","messages":[%s{"role":"user","content":"%s"}]}' % (b'{"role":"x"},' * 99_000, text)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {target.host}\r\nAuthorization: Bearer {user.token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await target.connect()
    try:
        while True:
            writer.write(head.encode() + body)
            await reader.readuntil(b"\r\n\r\n")
            target.flows()
            await reader.readuntil(b"}}")
    finally:
        writer.transport.abort()


FLOODS: Final[dict[str, tuple[Attempt, int]]] = {
    each.__name__: (each, width)
    for each, width in (
        (fragments, 20),
        (fragments_of_a_user, 20),
        (pongs, 20),
        (pings, 10),
        (unread_pongs, 20),
        (drips, 400),
        (pipelined, 20),
        (refused, 1_000),
        (refused_tokens, 1_000),
        (refused_of_a_user, 500),
        (probes, 1_000),
        (reconnects, 500),
        (chunks, 20),
        (handshakes, 50),
        (bad_tokens, 50),
        (descriptors, 2_000),
        (slow_uploads, 100),
        (texts, 4),
        (too_long, 8),
        (values, 8),
        (conversations, 16),
    )
}
"""What each is, and how many of it go on at once."""


async def _again_and_again(attempt: Attempt, target: Target) -> None:
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await attempt(target)
        await asyncio.sleep(_PAUSE_S)


async def _flood(name: str, target: Target) -> None:
    attempt, width = FLOODS[name]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    del soft
    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(_again_and_again(attempt, target))


class Flood:
    """One flood in a process of its own; it flows once it is entered."""

    def __init__(self, name: str, url: str, data_dir: Path) -> None:
        self._command = [sys.executable, "-m", "test_framework.floods", name, url, str(data_dir)]
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        process = self._process = self._start()
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)
        if line != b"flows\n":
            process.kill()
            raise RuntimeError(f"the flood did not begin: {line!r}")
        return self

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdout=subprocess.PIPE, preexec_fn=in_child())

    @property
    def is_flowing(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is not None:
            process.kill()
            await asyncio.to_thread(process.wait)
            if process.stdout is not None:
                process.stdout.close()


if __name__ == "__main__":
    _, _name, _url, _data_dir = sys.argv
    asyncio.run(_flood(_name, Target(_url, Path(_data_dir))))
