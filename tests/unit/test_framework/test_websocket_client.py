"""The kit's WebSocket client against a small scripted server."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from test_framework.websocket_client import NothingReceived, WebSocketTestClient, subject_of, websocket_client

WELCOME = '{"type": "connected", "user_id": "user_123"}'
BEAT = '{"type": "heartbeat", "tops": {}}'
Script = Callable[[ServerConnection], Awaitable[None]]


def token_of(user: str) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": user}).encode()).decode().rstrip("=")
    return f"head.{claims}.signature"


@asynccontextmanager
async def connected(
    *frames: str, then: Script | None = None, patience: float = 20.0
) -> AsyncIterator[WebSocketTestClient]:
    """A client of a server that says the welcome and these frames, then runs ``then``, else waits for the client to go."""

    async def script(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(frame)
        await (then(connection) if then else connection.wait_closed())

    async with serve(script, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with websocket_client(url, token_of("user_123"), patience=patience) as client:
            yield client


async def test_the_welcome_is_taken_and_heartbeats_are_skipped_but_kept() -> None:
    async with connected(WELCOME, BEAT, '{"type": "pong"}') as client:
        assert client.welcome["user_id"] == "user_123"
        assert await client.receive_json() == {"type": "pong"}
        assert client.received == [WELCOME, BEAT, '{"type": "pong"}']


async def test_token_and_path_are_sent_and_frames_are_json() -> None:
    async def echo(connection: ServerConnection) -> None:
        assert connection.request is not None
        head = {"path": connection.request.path, "authorization": connection.request.headers["Authorization"]}
        await connection.send(json.dumps({"type": "seen"} | head))
        await connection.send(await connection.recv())
        await connection.wait_closed()

    async with connected(WELCOME, then=echo) as client:
        seen = await client.receive_json()
        assert seen["path"] == "/ws/user_123"
        assert seen["authorization"] == f"Bearer {token_of('user_123')}"
        await client.send_json({"type": "ping", "id": "ä"})
        assert await client.receive_json() == {"type": "ping", "id": "ä"}


async def test_a_close_is_an_aborted_connection_with_code_and_reason() -> None:
    async with connected(WELCOME, then=lambda connection: connection.close(4503, "revoked")) as client:
        with pytest.raises(ConnectionAbortedError) as aborted:
            await client.receive_json()
        assert aborted.value.args == (4503, "revoked")
        with pytest.raises(ConnectionAbortedError):
            await client.send_json({"type": "ping"})


async def test_a_refused_identity_is_an_aborted_connection_too() -> None:
    told = '{"type": "error", "error": "unauthenticated"}'
    with pytest.raises(ConnectionAbortedError) as aborted:
        async with connected(told, then=lambda connection: connection.close(4501, "unauthenticated")):
            pass
    assert aborted.value.args == (4501, "unauthenticated")


async def test_a_connection_that_is_cut_has_the_code_of_no_close_frame() -> None:
    async def cut(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with connected(WELCOME, then=cut) as client:
        with pytest.raises(ConnectionAbortedError) as aborted:
            await client.receive_json()
        assert aborted.value.args[0] == 1006


async def test_an_expected_close_is_checked_by_its_code() -> None:
    async with connected(WELCOME, BEAT, '{"type": "drain"}', then=lambda each: each.close(1012, "")) as client:
        with pytest.raises(AssertionError, match=r"closed with \(1012, ''\), expected 4408"):
            await client.expect_close(4408)


async def test_silence_fails_by_assertion_and_is_a_timeout() -> None:
    async with connected(WELCOME, patience=0.05) as client:
        with pytest.raises(NothingReceived, match="no frame within"):
            await client.receive_json()
        assert issubclass(NothingReceived, (AssertionError, TimeoutError))


async def test_an_expected_event_may_come_after_others() -> None:
    async with connected(WELCOME, '{"type": "a"}', '{"type": "b", "seq": 2}') as client:
        assert await client.expect_event("b", seq=2) == {"type": "b", "seq": 2}


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ('{"type": "b", "seq": 3}', "b came with {'seq': 3}"),
        ('{"type": "error", "error": "internal"}', "expected b, got"),
        ('{"type": "agent_failed"}', "the run ended without b"),
    ],
)
async def test_an_expected_event_that_cannot_come_any_more_fails(frame: str, told: str) -> None:
    async with connected(WELCOME, frame) as client:
        with pytest.raises(AssertionError) as failed:
            await client.expect_event("b", seq=2)
        assert told in str(failed.value)


ERROR = '{"type": "error", "error": "invalid_context", "message": "Factory SSOT validation failed: x", "code": 1011}'


async def test_an_expected_error_is_the_very_next_frame() -> None:
    async with connected(WELCOME, ERROR) as client:
        frame = await client.expect_error("invalid_context", matching="SSOT.*failed", code=1011)
        assert frame["error"] == "invalid_context"


@pytest.mark.parametrize(
    ("expected", "frame"),
    [
        ({"error": "not_found"}, ERROR),
        ({"matching": "isolation"}, ERROR),
        ({"code": 1000}, ERROR),
        ({}, '{"type": "accepted"}'),
    ],
)
async def test_another_frame_than_the_expected_error_fails(expected: dict[str, str], frame: str) -> None:
    async with connected(WELCOME, frame) as client:
        with pytest.raises(AssertionError):
            await client.expect_error(**expected)  # type: ignore[arg-type]  # chosen by the parameters


RUN = [
    '{"type": "accepted", "run_id": "r1"}',
    '{"type": "agent_started", "run_id": "r1"}',
    '{"type": "x", "run_id": "r2"}',
]


async def test_a_run_is_read_to_its_end_without_the_frames_of_others() -> None:
    async with connected(WELCOME, *RUN, '{"type": "agent_completed", "run_id": "r1"}') as client:
        frames = await client.run_agent("triage_agent", "hello", thread_id="thread_1")
        assert [frame["type"] for frame in frames] == ["accepted", "agent_started", "agent_completed"]


@pytest.mark.parametrize("frames", [[ERROR], [*RUN, ERROR]])
async def test_a_run_that_is_refused_or_broken_fails(frames: list[str]) -> None:
    async with connected(WELCOME, *frames) as client:
        with pytest.raises(AssertionError, match="invalid_context"):
            await client.run_agent("triage_agent", "hello")


async def test_without_a_token_nothing_is_sent_and_no_welcome_awaited() -> None:
    async def script(connection: ServerConnection) -> None:
        assert connection.request is not None
        said = await connection.recv()
        await connection.send(
            json.dumps({"type": str("Authorization" in connection.request.headers), "said": str(said)})
        )
        await connection.wait_closed()

    async with serve(script, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/user_123"
        async with websocket_client(url, None) as client:
            await client.send_bytes(b"\x00")
            assert await client.receive_json() == {"type": "False", "said": str(b"\x00")}


def test_the_subject_of_a_token_is_read_unverified() -> None:
    assert subject_of(token_of("user_123")) == "user_123"
