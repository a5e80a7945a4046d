"""Who does not read holds a descriptor for a bounded time, and none once its place is another's: over real sockets, under the
loop that the server has."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from netra_backend.app.core.limits import Limits
from netra_backend.app.web.http.uvicorn_http import BoundedHttpProtocol
from netra_backend.app.web.sockets.uvicorn_websocket import DirectWebSocketProtocol
from test_framework.served import Serve, Served

PATIENCE_S = 5.0
NEVER_S = 500.0
SMALL_BYTES = 4_096
HIGH_WATER_BYTES = 65_536
ASKED = b"GET /asyncapi.json HTTP/1.1\r\nhost: x\r\n"
CLOSE_FRAME = b"\x88\x80\0\0\0\0"


def under_uvloop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(test(*args, **kwargs))

    return run


class Connections:
    """The server's ends, by the port of the other end: each with a small buffer in the kernel."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.protocols: dict[int, Any] = {}
        self._lost: dict[int, asyncio.Event] = {}
        self._unread: dict[int, asyncio.Event] = {}
        made, answered = BoundedHttpProtocol.connection_made, BoundedHttpProtocol.on_response_complete

        def small(protocol: Any, transport: Any) -> None:
            with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BYTES)
            self.protocols[transport.get_extra_info("peername")[1]] = protocol
            made(protocol, transport)

        def looked(protocol: Any) -> None:
            answered(protocol)
            protocol.loop.call_soon(protocol.loop.call_soon, self._look, protocol)

        monkeypatch.setattr(BoundedHttpProtocol, "connection_made", small)
        monkeypatch.setattr(BoundedHttpProtocol, "on_response_complete", looked)
        for kind in (BoundedHttpProtocol, DirectWebSocketProtocol):
            monkeypatch.setattr(kind, "connection_lost", self._noticing(kind.connection_lost))

    def _noticing(self, gone: Any) -> Any:
        def noticed(protocol: Any, exc: Exception | None) -> None:
            gone(protocol, exc)
            self.lost(protocol.client[1]).set()

        return noticed

    def _look(self, protocol: Any) -> None:
        if 0 < protocol.transport.get_write_buffer_size() < HIGH_WATER_BYTES:
            self.unread(protocol.client[1]).set()

    def lost(self, port: int) -> asyncio.Event:
        return self._lost.setdefault(port, asyncio.Event())

    def unread(self, port: int) -> asyncio.Event:
        """An answer was given, of which some waits for its reader, but less than stops a writer."""
        return self._unread.setdefault(port, asyncio.Event())


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Connections:
    return Connections(monkeypatch)


async def stranger(served: Served, said: bytes) -> socket.socket:
    """Somebody who says this and reads nothing."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
    own.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(own, ("127.0.0.1", served.port))
    await loop.sock_sendall(own, said)
    return own


async def comes(event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await event.wait()
    except TimeoutError:
        return False


ENDS = pytest.mark.parametrize("end", [b"\r\n", b"connection: close\r\n\r\n"], ids=["kept alive", "closed"])


@ENDS
@under_uvloop
async def test_the_least_rest_of_an_answer_that_nobody_reads_has_a_deadline(
    serve_with: Serve, connections: Connections, end: bytes
) -> None:
    async with serve_with(limits=Limits(stall_s=0.3)) as served:
        with await stranger(served, ASKED + end) as own:
            port = own.getsockname()[1]
            assert await comes(connections.unread(port))
            assert await comes(connections.lost(port))


@under_uvloop
async def test_an_export_that_is_read_steadily_and_slowly_has_a_deadline_and_a_neighbour_is_served(
    serve_with: Serve, connections: Connections
) -> None:
    loop = asyncio.get_running_loop()
    resumed = asyncio.Event()
    async with serve_with(limits=Limits(stall_s=NEVER_S, download_s=0.5)) as served:
        slow, neighbour = served.user(), served.user()
        for _ in range(8):
            await served.ran(slow, "x" * 60_000)
        head = f"GET /api/me/export HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {slow.token}\r\n\r\n"
        with await stranger(served, head.encode()) as own:
            port = own.getsockname()[1]

            async def drips() -> None:
                while not connections.lost(port).is_set():
                    await loop.sock_recv(own, 1)
                    resumed.set()
                    await asyncio.sleep(0)

            reader = asyncio.create_task(reads_until_cut_off(drips))
            assert await comes(resumed)
            async with served.http(neighbour) as http:
                assert (await http.get("/api/me/export")).text.rstrip().endswith("}")
            assert await comes(connections.lost(port))
            await reader


@under_uvloop
async def test_who_reads_slowly_and_keeps_up_the_least_rate_gets_the_whole_answer(
    serve_with: Serve, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    judged: asyncio.Queue[None] = asyncio.Queue()
    judge = BoundedHttpProtocol._judge_reader

    def noticed(protocol: Any) -> None:
        judge(protocol)
        judged.put_nowait(None)

    monkeypatch.setattr(BoundedHttpProtocol, "_judge_reader", noticed)
    async with serve_with(limits=Limits(stall_s=0.2, body_rate=10_000)) as served:
        slow = served.user()
        for _ in range(8):
            await served.ran(slow, "x" * 60_000)
        head = f"GET /api/me/export HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {slow.token}\r\n\r\n"
        with await stranger(served, head.encode()) as own:
            port, judgements, answer = own.getsockname()[1], 0, b""
            async with asyncio.timeout(6 * PATIENCE_S):
                while not answer.endswith(b"\r\n0\r\n\r\n"):
                    answer += await loop.sock_recv(own, 1_024)
                    if len(answer) > (judgements + 1) * 20_000 and judgements < 5:
                        await judged.get()
                        judgements += 1
            assert judgements == 5
            assert not connections.lost(port).is_set()
            await loop.sock_sendall(own, head.encode())
            assert await comes(connections.lost(port))


async def reads_until_cut_off(drips: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await drips()
    except ConnectionResetError:
        return


@under_uvloop
async def test_a_request_is_open_until_its_answer_was_read(serve_with: Serve, connections: Connections) -> None:
    async with serve_with(limits=Limits(stall_s=NEVER_S)) as served:
        user = served.user()
        quota = served.runtime.quotas.of(user.id, served.runtime.clock.monotonic())
        asked = b"GET /api/agents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n\r\n" % user.token.encode()
        with await stranger(served, asked * 30) as own:
            assert await comes(connections.unread(own.getsockname()[1]))
            await served.until(lambda: quota.requests == 2)  # the one that was answered, and the next, which cannot be
        await served.until(lambda: quota.requests == 0)


@ENDS
@under_uvloop
async def test_who_is_turned_away_has_no_descriptor_any_more_whatever_it_has_not_read(
    serve_with: Serve, connections: Connections, end: bytes
) -> None:
    async with serve_with(limits=Limits(anonymous_connections=1, stall_s=NEVER_S)) as served:
        with await stranger(served, ASKED + end) as own:
            port = own.getsockname()[1]
            assert await comes(connections.unread(port))
            with await stranger(served, b""):
                assert await comes(connections.lost(port))


@under_uvloop
async def test_who_is_turned_away_amid_its_answers_leaves_no_error(
    serve_with: Serve, connections: Connections, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_with(limits=Limits(anonymous_connections=1, stall_s=NEVER_S)) as served:
        with await stranger(served, (ASKED + b"\r\n") * 20) as own:
            port = own.getsockname()[1]
            await served.until(lambda: port in connections.protocols and connections.protocols[port].flow.write_paused)
            with await stranger(served, b""):
                assert await comes(connections.lost(port))
                await served.until(lambda: not connections.protocols[port].tasks)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def upgrade(user: Any, token: bool) -> bytes:
    bearer = f"authorization: Bearer {user.token}\r\n" if token else ""
    return (
        f"GET /ws/{user.id} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n{bearer}"
        "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


async def open_socket(connections: Connections, port: int) -> Any:
    """The server's end, once it is a WebSocket."""
    while True:
        protocol = connections.protocols.get(port)
        found = protocol.transport.get_protocol() if protocol is not None else None
        if isinstance(found, DirectWebSocketProtocol) and found.receiver is not None:
            return found
        await asyncio.sleep(0)


@under_uvloop
async def test_a_socket_that_is_turned_away_has_no_descriptor_any_more(
    serve_with: Serve, connections: Connections
) -> None:
    async with serve_with(limits=Limits(anonymous_connections=1, anonymous_close_s=NEVER_S)) as served:
        with await stranger(served, upgrade(served.user(), token=False)) as own:
            port = own.getsockname()[1]
            await open_socket(connections, port)
            with await stranger(served, b""):
                assert await comes(connections.lost(port))


@under_uvloop
async def test_a_socket_whose_peer_closed_and_reads_nothing_has_a_deadline(
    serve_with: Serve, connections: Connections
) -> None:
    async with serve_with(limits=Limits(anonymous_close_s=0.05)) as served:
        with await stranger(served, upgrade(served.user(), token=True)) as own:
            port = own.getsockname()[1]
            protocol = await open_socket(connections, port)
            protocol.transport.write(bytes(HIGH_WATER_BYTES // 2))
            await asyncio.get_running_loop().sock_sendall(own, CLOSE_FRAME)
            assert await comes(connections.lost(port))


@under_uvloop
async def test_a_stranger_does_not_keep_a_socket_open_that_was_closed(
    serve_with: Serve, connections: Connections
) -> None:
    async with serve_with(limits=Limits(authentication_s=0.1, anonymous_close_s=0.05)) as served:
        with await stranger(served, upgrade(served.user(), token=False)) as own:
            assert await comes(connections.lost(own.getsockname()[1]))


@under_uvloop
async def test_an_upgrade_behind_an_answer_that_was_not_read_is_cut_off(
    serve_with: Serve, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgraded: list[Any] = []
    made = DirectWebSocketProtocol.connection_made

    def noted(own: DirectWebSocketProtocol, transport: Any) -> None:
        upgraded.append(own)
        made(own, transport)

    monkeypatch.setattr(DirectWebSocketProtocol, "connection_made", noted)
    async with serve_with(limits=Limits(stall_s=NEVER_S)) as served:
        user = served.user()
        with await stranger(served, ASKED + b"\r\n") as own:
            port = own.getsockname()[1]
            assert await comes(connections.unread(port))
            await asyncio.get_running_loop().sock_sendall(own, upgrade(user, token=True))
            assert await comes(connections.lost(port))
            assert upgraded == []


@pytest.mark.parametrize("path", [b"/ws/user_of_nobody", b"/ws-nothing"], ids=["after the handshake", "instead of it"])
@under_uvloop
async def test_a_socket_that_is_refused_and_reads_nothing_has_a_deadline(
    serve_with: Serve, connections: Connections, monkeypatch: pytest.MonkeyPatch, path: bytes
) -> None:
    made = DirectWebSocketProtocol.connection_made

    def full(own: DirectWebSocketProtocol, transport: Any) -> None:
        made(own, transport)
        transport.write(bytes(HIGH_WATER_BYTES // 2))

    monkeypatch.setattr(DirectWebSocketProtocol, "connection_made", full)
    async with serve_with(limits=Limits(anonymous_close_s=0.05)) as served:
        user = served.user()
        said = upgrade(user, token=True).replace(f"/ws/{user.id}".encode(), path, 1)
        with await stranger(served, said) as own:
            assert await comes(connections.lost(own.getsockname()[1]))


@pytest.mark.parametrize("frame", [CLOSE_FRAME, b""], ids=["closed", "ended without a close"])
@under_uvloop
async def test_a_users_socket_that_its_client_ended_counts_no_more_whatever_was_not_read(
    serve_with: Serve, connections: Connections, frame: bytes
) -> None:
    async with serve_with(limits=Limits(outbox_stall_s=NEVER_S, anonymous_close_s=0.05)) as served:
        user = served.user()
        with await stranger(served, upgrade(user, token=True)) as own:
            port = own.getsockname()[1]
            protocol = await open_socket(connections, port)
            await served.until(lambda: len(served.runtime.connections) or None)
            protocol.transport.write(bytes(HIGH_WATER_BYTES // 2))
            await asyncio.get_running_loop().sock_sendall(own, frame)
            own.shutdown(socket.SHUT_WR)
            assert await comes(connections.lost(port))
            assert len(served.runtime.connections) == 0
            assert served.runtime.quotas.of(user.id, 0.0).connections == 0
