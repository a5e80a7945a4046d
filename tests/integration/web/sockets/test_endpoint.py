"""The WebSocket endpoint over a real socket: who is let in, what each fault answers, and that none closes with 1011.

Everything is shown twice: with our protocol on uvicorn, and through plain ASGI under uvicorn's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.ids import MAX_LENGTH
from netra_backend.app.core.limits import Limits
from test_framework.served import Serve, Served
from test_framework.websocket_client import WebSocketTestClient, websocket_client


@pytest_asyncio.fixture(params=["direct", "plain ASGI"], scope="module", loop_scope="module")
async def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    serve = request.getfixturevalue("serve_anywhere")
    data_dir = tmp_path_factory.mktemp("endpoints") / "data"
    allowed = ("https://ours.example",)
    async with serve(data_dir, plain_asgi=request.param == "plain ASGI", allowed_origins=allowed) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


def address(served: Served, user_id: str) -> str:
    return f"{served.url.replace('http', 'ws')}/ws/{user_id}"


@asynccontextmanager
async def raw(served: Served, user_id: str, **how: Any) -> AsyncIterator[ClientConnection]:
    async with connect(address(served, user_id), compression=None, proxy=None, close_timeout=2, **how) as connection:
        yield connection


@asynccontextmanager
async def signed_in(served: Served, user: Any) -> AsyncIterator[WebSocketTestClient]:
    async with websocket_client(address(served, user.id), user.token) as client:
        yield client


async def closing(connection: ClientConnection) -> tuple[list[dict[str, Any]], int, str]:
    """All that was said until the server closed, and how it closed."""
    said: list[dict[str, Any]] = []
    frame = None
    try:
        async with asyncio.timeout(20):
            while True:
                said.append(json.loads(await connection.recv()))
    except ConnectionClosed as closed:
        frame = closed.rcvd
    assert frame is not None, "no close frame came"
    return said, frame.code, frame.reason


def later(served: Served, user_id: str, *, s: float) -> None:
    """Let a second pass at a time that is so much later, for the connections of one path."""
    clock = served.runtime.clock
    for connection in list(served.runtime.connections):
        if connection.user_id == user_id:
            connection.tick(clock.monotonic() + s, clock.now_ms() + round(s * 1000))


class TestAccessLog:
    async def test_a_socket_that_has_ended_is_one_line_with_its_user_and_the_codes_that_tell_how(
        self, served: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        user = served.user()
        with caplog.at_level(logging.INFO):
            async with raw(served, user.id, additional_headers={"Authorization": f"Bearer {user.token}"}) as connection:
                welcome = await connection.recv(decode=False)
                await connection.close(1001)
            async with raw(served, f"{user.id}?token={user.token}") as connection:
                (frame, *_), _, _ = await closing(connection)
            with pytest.raises(InvalidStatus):
                async with raw(served, user.id, origin="https://evil.example"):
                    pass
            found = await served.until(lambda: ended(caplog, user.id, 3))
        told = [(line.status, line.close_code, line.user_id) for line in found]
        assert told == [(101, 1001, user.id), (101, 4501, None), (403, None, None)]
        assert found[0].bytes >= len(welcome)
        assert frame["error"] == "unauthenticated"
        assert not any(user.token in str(vars(line)) or "?" in str(vars(line)) for line in found)


def ended(caplog: pytest.LogCaptureFixture, user_id: str, count: int) -> list[Any]:
    """The lines of this user's sockets, once there are so many."""
    found = [
        each for each in caplog.records if each.name == "netra.access" and each.__dict__["path"] == f"/ws/{user_id}"
    ]
    return found if len(found) == count else []


class TestSigningIn:
    async def test_a_header_signs_in_and_the_first_frame_tells_the_bounds(self, served: Served) -> None:
        user = served.user()
        async with signed_in(served, user) as client:
            welcome = client.welcome
        assert (welcome["user_id"], welcome["protocol"]) == (user.id, 1)
        assert welcome["connection_id"].startswith("conn_")
        assert welcome["heartbeat_ms"] == Limits().heartbeat_ms
        assert {"bytes", "runs", "connections"} <= welcome["limits"].keys()

    async def test_a_sub_protocol_signs_in_and_the_token_is_not_echoed(self, served: Served) -> None:
        user = served.user()
        protocols = [f"bearer.{user.token}", "netra.v1"]
        async with raw(served, user.id, subprotocols=protocols) as connection:
            assert json.loads(await connection.recv())["type"] == "connected"
            assert connection.subprotocol == "netra.v1"
            assert connection.response is not None
            assert user.token not in str(connection.response.headers)

    async def test_a_first_frame_signs_in(self, served: Served) -> None:
        user = served.user()
        async with raw(served, user.id) as connection:
            await connection.send(json.dumps({"type": "authenticate", "token": user.token}))
            assert json.loads(await connection.recv())["user_id"] == user.id

    async def test_two_tokens_at_once_are_one_connection(self, served: Served) -> None:
        user = served.user()
        async with raw(served, user.id) as connection:
            frame = json.dumps({"type": "authenticate", "token": user.token})
            await connection.send(frame)
            await connection.send(frame)
            await connection.send('{"type":"ping","id":"p"}')
            said = [json.loads(await connection.recv())["type"] for _ in range(2)]
            assert said == ["connected", "pong"]
            assert served.runtime.quotas.of(user.id, 0.0).connections == 1
        await served.until(lambda: served.runtime.quotas.of(user.id, 0.0).connections == 0)

    async def test_a_ticket_signs_in_once(self, served: Served) -> None:
        user = served.user()
        async with served.http(user) as http:
            ticket = (await http.post("/api/tickets")).json()["ticket"]
        codes = []
        for _ in range(2):
            async with connect(f"{address(served, user.id)}?ticket={ticket}", proxy=None) as connection:
                first = json.loads(await connection.recv())
                codes.append(first.get("error", first["type"]))
        assert codes == ["connected", "unauthenticated"]

    @pytest.mark.parametrize("token", ["nonsense", "a.b.c", ""])
    @pytest.mark.parametrize("way", ["header", "first frame"])
    async def test_a_bad_token_is_told_and_closed(self, served: Served, token: str, way: str) -> None:
        user = served.user()
        headers = {"Authorization": f"Bearer {token}"} if way == "header" and token else {}
        async with raw(served, user.id, additional_headers=headers) as connection:
            if not headers:
                await connection.send(json.dumps({"type": "authenticate", "token": token}))
            said, code, reason = await closing(connection)
        assert ([frame["error"] for frame in said], code, reason) == (["unauthenticated"], 4501, "unauthenticated")

    @pytest.mark.validation_point("auth.path_user")
    @pytest.mark.parametrize("way", ["header", "first frame"])
    async def test_anothers_path_is_told_and_closed(self, served: Served, way: str) -> None:
        user, victim = served.user(), served.user()
        headers = {"Authorization": f"Bearer {user.token}"} if way == "header" else {}
        async with raw(served, victim.id, additional_headers=headers) as connection:
            if not headers:
                await connection.send(json.dumps({"type": "authenticate", "token": user.token}))
            first = json.loads(await connection.recv())
            assert (first["type"], first.get("error")) == ("error", "user_mismatch")
            _, code, reason = await closing(connection)
        assert (code, reason) == (4504, "user_mismatch")
        assert await served.runtime.audit.rows(victim.id, 10) == []

    @pytest.mark.validation_point("session.unauthenticated")
    async def test_nothing_else_is_taken_before_a_token(self, served: Served) -> None:
        async with raw(served, served.user().id) as connection:
            await connection.send('{"type":"ping"}')
            first = json.loads(await connection.recv())
            assert (first["type"], first.get("error")) == ("error", "unauthenticated")
            _, code, _ = await closing(connection)
        assert code == 4501

    async def test_who_says_nothing_for_ten_seconds_is_closed(self, served: Served) -> None:
        user = served.user()
        async with raw(served, user.id) as connection:
            await served.until(lambda: [each for each in served.runtime.connections if each.user_id == user.id])
            later(served, user.id, s=9.0)
            later(served, user.id, s=10.5)
            said, code, _ = await closing(connection)
        assert ([frame["error"] for frame in said], code) == (["auth_timeout"], 4402)

    async def test_a_token_that_expires_while_it_is_connected_is_told_and_closed(self, served: Served) -> None:
        stale = served.users.token_for(served.user().id, lifetime_s=60)
        async with raw(served, stale.id, additional_headers={"Authorization": f"Bearer {stale.token}"}) as connection:
            assert json.loads(await connection.recv())["type"] == "connected"
            later(served, stale.id, s=91)
            said, code, _ = await closing(connection)
        assert ([frame["error"] for frame in said], code) == (["token_expired"], 4401)

    async def test_a_revoked_sign_in_ends_now(self, served: Served) -> None:
        user = served.user()
        async with raw(served, user.id, additional_headers={"Authorization": f"Bearer {user.token}"}) as connection:
            await connection.recv()
            await served.runtime.revocations.revoke(user.id, served.runtime.clock.now_ms())
            said, code, _ = await closing(connection)
        assert ([frame["error"] for frame in said], code) == (["revoked"], 4503)
        async with raw(served, user.id, additional_headers={"Authorization": f"Bearer {user.token}"}) as connection:
            assert (await closing(connection))[1] == 4503

    @pytest.mark.parametrize("user_id", ["placeholder_user", "a%20b", "x" * (MAX_LENGTH + 1), "", "a/b"])
    async def test_a_path_that_names_no_user_id_is_told_and_closed(self, served: Served, user_id: str) -> None:
        async with raw(served, user_id) as connection:
            said, code, _ = await closing(connection)
        assert ([frame["error"] for frame in said], code) == (["invalid_context"], 4504)

    async def test_a_user_has_a_bounded_number_of_connections(self, served: Served) -> None:
        user = served.user()
        quota = served.runtime.quotas.of(user.id, 0.0)
        quota.connections = Limits().connections
        async with raw(served, user.id, additional_headers={"Authorization": f"Bearer {user.token}"}) as connection:
            said, code, _ = await closing(connection)
        assert ([frame["error"] for frame in said], code) == (["connection_limit"], 4411)
        assert quota.connections == Limits().connections
        assert not [each for each in served.runtime.connections if each.user_id == user.id]


class TestBeforeTheUpgrade:
    @pytest.mark.validation_point("credentials.origin")
    async def test_a_foreign_page_opens_nothing(self, served: Served) -> None:
        user = served.user()
        answer: Any = None
        try:
            async with websocket_client(address(served, user.id), user.token, origin="https://evil.example"):
                answer = "let in"
        except InvalidStatus as refused:
            answer = refused.response.status_code, json.loads(refused.response.body or b"{}").get("error")
        assert answer == (403, "origin_refused")

    async def test_a_refused_handshake_is_no_error_of_ours(
        self, served: Served, caplog: pytest.LogCaptureFixture
    ) -> None:
        user = served.user()
        with caplog.at_level(logging.DEBUG), pytest.raises(InvalidStatus):
            async with websocket_client(address(served, user.id), user.token, origin="https://evil.example"):
                pass
        assert [line for line in caplog.records if line.levelno >= logging.WARNING and "netra" in line.name] == []

    async def test_no_line_shows_the_query_string_of_a_websocket(
        self, served: Served, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO):
            async with connect(f"{address(served, served.user().id)}?ticket=secret", proxy=None) as connection:
                await closing(connection)
        ours = [str(vars(line)) for line in caplog.records if not line.name.startswith("websockets.client")]
        assert ours
        assert not any("secret" in line for line in ours)

    async def test_a_page_of_ours_opens_a_connection(self, served: Served) -> None:
        user = served.user()
        for origin in ("https://ours.example", served.url):
            async with websocket_client(address(served, user.id), user.token, origin=origin) as client:
                assert client.welcome["user_id"] == user.id

    @pytest.mark.parametrize("why", ["full", "draining", "issuer"])
    async def test_a_server_that_cannot_take_it_says_when_to_come_back(
        self, served: Served, why: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def down(credentials: Any, use: Any) -> Any:
            raise DependencyUnavailable("The issuer's keys cannot be had.", retry_after_ms=1000)

        user = served.user()
        if why == "full":
            monkeypatch.setattr(served.runtime.connections, "_limits", Limits(process_connections=0))
        elif why == "draining":
            monkeypatch.setattr(served.runtime.connections, "is_draining", True)
        else:
            monkeypatch.setattr(served.runtime.authentication, "identify", down)
        with pytest.raises(InvalidStatus) as refused:
            async with signed_in(served, user):
                pass
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "1"

    async def test_another_path_is_no_websocket(self, served: Served) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"{served.url.replace('http', 'ws')}/other", proxy=None):
                pass
        assert refused.value.response.status_code == 403


DEEP = '{"type":' + "[" * 5000 + "]" * 5000 + "}"
FAULTS = [
    *((text, "invalid_json") for text in ("", "no json", "{", "null", "[]", "7", '"x"', "{} {}", DEEP)),
    *((text, "unknown_type") for text in ("{}", '{"type":null}', '{"type":7}', '{"type":"nope"}', '{"id":"x"}')),
    ('{"type":"execute_agent"}', "invalid_frame"),
    ('{"type":"execute_agent","agent":"echo","message":""}', "invalid_frame"),
    ('{"type":"execute_agent","agent":"echo","message":"m","role":"admin"}', "invalid_frame"),
    ('{"type":"execute_agent","agent":"echo","message":"m","policy":"now"}', "invalid_frame"),
    ('{"type":"execute_agent","agent":"echo","message":"m","timezone":"../etc"}', "invalid_frame"),
    ('{"type":"execute_agent","agent":"echo","message":"m","context":[]}', "invalid_frame"),
    ('{"type":"ping","id":"' + "x" * 65 + '"}', "invalid_frame"),
    ('{"type":"ping","id":7}', "invalid_frame"),
    ('{"type":"cancel_run"}', "invalid_frame"),
    ('{"type":"resolve_approval","approval_id":"a","decision":"maybe","arguments_hash":"h"}', "invalid_frame"),
    ('{"type":"answer_question","question_id":"qst_1"}', "invalid_frame"),
    ('{"type":"resume","positions":{"thr_1":7}}', "invalid_frame"),
    ('{"type":"resume","positions":{"thr_1":{"epoch":"e","seq":"1"}}}', "invalid_frame"),
    ('{"type":"ack"}', "invalid_frame"),
    ('{"type":"ping","force_factory_recreation":true}', "factory_command_refused"),
    ('{"type":"execute_agent","agent":"echo","message":"m","thread_id":"placeholder_thread"}', "invalid_context"),
    ('{"type":"execute_agent","agent":"echo","message":"m","thread_id":"a b"}', "invalid_context"),
    ('{"type":"execute_agent","agent":"echo","message":"m","context":{"run_id":"temp_1"}}', "invalid_context"),
    ('{"type":"execute_agent","agent":"echo","message":"m","user_id":"user_other"}', "isolation_violation"),
    ('{"type":"execute_agent","agent":"nobody","message":"m"}', "unknown_agent"),
    ('{"type":"execute_agent","agent":"echo","message":"m","stress_ssot_isolation":true}', "drill_refused"),
    ('{"type":"cancel_run","run_id":"run_absent"}', "not_found"),
    ('{"type":"resolve_approval","approval_id":"a","decision":"deny","arguments_hash":"h"}', "not_found"),
    ('{"type":"answer_question","question_id":"qst_run_absent.1","answer":1}', "not_found"),
    ('{"type":"answer_question","question_id":"example_1","answer":1}', "invalid_context"),
    ('{"type":"resume","positions":{"thr_absent":{"epoch":"e","seq":1}}}', "not_found"),
]


class TestFaults:
    @pytest.mark.parametrize(("text", "error"), FAULTS, ids=[f"{n}-{error}" for n, (_, error) in enumerate(FAULTS)])
    async def test_a_fault_of_one_command_is_told_and_the_socket_goes_on(
        self, served: Served, text: str, error: str
    ) -> None:
        async with signed_in(served, served.user()) as client:
            await client.send_text(text)
            frame = await client.expect_error(error)
            assert (frame["hint"], frame["retryable"]) != ("", None)
            assert frame.get("code") == CATALOGUE[error].code
            await client.send_json({"type": "ping", "id": "still here"})
            assert (await client.receive_json())["id"] == "still here"

    async def test_the_third_malformed_frame_in_a_minute_closes(self, served: Served) -> None:
        async with signed_in(served, served.user()) as client:
            for text in ("no json", '{"type":"nope"}'):
                await client.send_text(text)
                await client.expect_error()
            await client.send_text('{"type":"ack"}')
            await client.expect_error("invalid_frame")
            await client.expect_close(4510)

    async def test_refusals_of_commands_are_no_malformed_frames(self, served: Served) -> None:
        async with signed_in(served, served.user()) as client:
            for _ in range(5):
                await client.send_json({"type": "ping", "force_factory_recreation": True})
                await client.expect_error("factory_command_refused")

    async def test_binary_frames_close_with_1003(self, served: Served) -> None:
        async with signed_in(served, served.user()) as client:
            await client.send_bytes(b"{}")
            await client.expect_close(1003)

    @pytest.mark.parametrize("text", [b"\xff\xfe", b'{"type":"ping","id":"\xed\xa0\x80"}', b"\xc0\x80"])
    async def test_what_is_not_utf_8_closes_with_1007(self, served: Served, text: bytes) -> None:
        async with signed_in(served, served.user()) as client:
            connection = client._connection
            connection.protocol.send_text(text)
            connection.transport.write(b"".join(connection.protocol.data_to_send()))
            await client.expect_close(1007)

    @pytest.mark.validation_point("socket.too_long")
    @pytest.mark.parametrize("pieces", [1, 5])
    async def test_more_than_64_kib_is_refused_with_its_id_and_counted(self, served: Served, pieces: int) -> None:
        most = Limits().frame_bytes
        text = '{"type":"execute_agent","id":"mine","agent":"echo","message":"' + "x" * most + '"}'
        cut = -(-len(text) // pieces)
        parts = [text[at : at + cut] for at in range(0, len(text), cut)]
        async with signed_in(served, served.user()) as client:
            for id in ("mine", "mine", None):
                sent = parts if id else ["x" * Limits().message_bytes]
                await client._connection.send(sent if len(sent) > 1 else sent[0])
                refused = await client.expect_error("payload_too_large")
                assert (refused.get("id"), refused["retryable"]) == (id, False)
            await client.expect_close(4510)

    async def test_more_than_1_mib_closes_with_1009(self, served: Served) -> None:
        async with signed_in(served, served.user()) as client:
            await client._connection.send("x" * (Limits().message_bytes + 1))
            await client.expect_close(1009)

    async def test_more_than_64_kib_before_a_sign_in_closes_with_1009(self, served: Served) -> None:
        async with raw(served, served.user().id) as connection:
            await connection.send("x" * (Limits().frame_bytes + 1))
            said, code, _ = await closing(connection)
        assert (said, code) == ([], 1009)

    async def test_a_lone_surrogate_is_refused_with_the_id_of_its_frame(self, served: Served) -> None:
        async with signed_in(served, served.user()) as client:
            await client.send_text('{"type":"execute_agent","agent":"echo","message":"\\ud83d","id":"mine"}')
            refused = await client.expect_error("invalid_json")
            assert (refused["id"], "surrogate" in refused["hint"]) == ("mine", True)

    async def test_exactly_64_kib_are_taken_also_in_pieces(self, served: Served) -> None:
        frame = json.dumps({"type": "execute_agent", "agent": "nobody", "message": ""})
        frame = frame[:-2] + "x" * (Limits().frame_bytes - len(frame)) + frame[-2:]
        assert len(frame) == Limits().frame_bytes
        async with signed_in(served, served.user()) as client:
            await client.send_text(frame)
            await client.expect_error("unknown_agent")
            await client._connection.send([frame[:100], frame[100:200], frame[200:]])
            await client.expect_error("unknown_agent")

    async def test_a_peer_that_just_goes_leaves_nothing_behind(self, served: Served) -> None:
        user = served.user()
        async with signed_in(served, user) as client:
            assert len(served.runtime.pool.of_user(user.id)) == 1
            client.drop()
            await served.until(lambda: not served.runtime.pool.of_user(user.id))
        assert not [each for each in served.runtime.connections if each.user_id == user.id]
        await served.until(lambda: served.runtime.quotas.of(user.id, 0.0).connections == 0)

    async def test_no_condition_of_the_catalogue_closes_with_1011_and_ranges_say_whether_to_come_back(
        self, served: Served
    ) -> None:
        for kind, entry in CATALOGUE.items():
            if entry.close_code is None:
                continue
            user = served.user()
            async with raw(served, user.id, additional_headers={"Authorization": f"Bearer {user.token}"}) as connection:
                await connection.recv()
                (ours,) = [each for each in served.runtime.connections if each.user_id == user.id]
                ours.close(kind)
                _, code, reason = await closing(connection)
            assert (code, reason) == (entry.close_code, kind)
            assert code != 1011
            assert (4400 <= code <= 4499) is entry.retryable or kind == "cross_user_delivery"


class TestGoing:
    async def test_a_connection_that_has_gone_is_freed_at_once_without_the_collector(self, served: Served) -> None:
        user = served.user()
        gc.disable()
        try:
            async with signed_in(served, user) as client:
                await client.send_json({"type": "ping"})
                await client.expect_event("pong")
                (connection,) = served.runtime.pool.of_user(user.id)
                gone = weakref.ref(connection)
                del connection
            await served.until(lambda: gone() is None)
        finally:
            gc.enable()


class TestTalking:
    async def test_a_run_shows_its_events_in_order_to_every_device_of_its_user_only(self, served: Served) -> None:
        user, other = served.user(), served.user()
        async with (
            signed_in(served, user) as one,
            signed_in(served, user) as two,
            signed_in(served, other) as stranger,
        ):
            frames = await one.run_agent("echo", "hello")
            events = [frame for frame in frames if "seq" in frame and frame["type"] != "accepted"]
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
            seen = [await two.receive_json() for _ in events]
            assert seen == events
            await stranger.send_json({"type": "ping"})
            assert [json.loads(text)["type"] for text in stranger.received[1:]] == []
            assert (await stranger.receive_json())["type"] == "pong"

    async def test_what_two_devices_send_counts_together_and_a_neighbours_does_not(self, serve_with: Serve) -> None:
        limits = Limits(frame_rate=0.1, frame_burst=4, raw_frame_rate=0.1, raw_frame_burst=20, message_fragments=16)
        async with serve_with(limits=limits) as served:
            user = served.user()
            async with signed_in(served, user) as one, signed_in(served, user) as two:
                for device, answers in ((one, ["pong"] * 3), (two, ["pong", "error", "error"])):
                    for _ in answers:
                        await device.send_json({"type": "ping"})
                    assert [(await device.receive_json())["type"] for _ in answers] == answers
                for device in (one, two):
                    for _ in range(15):
                        await device._connection.ping()
                assert (await two.receive_json())["error"] == "rate_limited"
                await two.expect_close(4429)
                async with signed_in(served, served.user()) as neighbour:
                    await neighbour.send_json({"type": "ping"})
                    assert (await neighbour.receive_json())["type"] == "pong"

    async def test_a_drain_is_announced_and_ends_with_1012(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user = served.user()
        async with signed_in(served, user) as client:
            monkeypatch.setattr(served.runtime.runs, "drain", _at_once)
            monkeypatch.setattr(served.runtime.connections, "is_draining", False)
            await served.application.drain()
            assert (await client.receive_json())["type"] == "drain"
            await client.expect_close(1012)

    async def test_a_ping_of_the_protocol_is_answered(self, served: Served) -> None:
        async with signed_in(served, served.user()) as client:
            pong = await client._connection.ping(os.urandom(4))
            async with asyncio.timeout(20):
                await pong


async def _at_once(patience_s: float) -> None:
    return None


class TestStrangers:
    @pytest.mark.validation_point("limit.anonymous")
    async def test_bad_tokens_of_one_address_are_refused_before_the_upgrade_and_a_good_one_is_not(
        self, serve_with: Serve
    ) -> None:
        async with serve_with(limits=Limits(anonymous_rate=0.1, anonymous_burst=3)) as served:
            user = served.user()
            forged = {"Authorization": "Bearer forged"}
            for _ in range(3):
                async with raw(served, user.id, additional_headers=forged) as connection:
                    assert (await closing(connection))[1] == 4501
            for headers in (forged, {}, {"Origin": "https://evil.example"}):
                with pytest.raises(InvalidStatus) as refused:
                    async with raw(served, user.id, additional_headers=headers):
                        pass
                assert refused.value.response.status_code == 429
                assert 5 <= int(refused.value.response.headers["Retry-After"]) <= 10
            assert served.runtime.audit_trail.refusals["limit.anonymous"] == 3
            for _ in range(5):
                async with signed_in(served, user):
                    pass

    @pytest.mark.validation_point("anonymous.sockets")
    async def test_sockets_that_wait_for_a_token_are_bounded_and_make_room_when_it_comes(
        self, serve_with: Serve
    ) -> None:
        limits = Limits(anonymous_sockets=2, anonymous_rate=0.1, anonymous_burst=5)
        async with serve_with(limits=limits) as served, contextlib.AsyncExitStack() as stack:
            user = served.user()
            waiting = [await stack.enter_async_context(raw(served, user.id)) for _ in range(2)]
            with pytest.raises(InvalidStatus) as refused:
                async with raw(served, user.id):
                    pass
            assert refused.value.response.status_code == 429
            for connection in waiting:
                await connection.send(json.dumps({"type": "authenticate", "token": user.token}))
                assert json.loads(await connection.recv())["type"] == "connected"
            async with raw(served, user.id), raw(served, user.id):
                assert served.runtime.anonymous.sockets == 2
            await served.until(lambda: served.runtime.anonymous.sockets == 0)

    @pytest.mark.validation_point("anonymous.sockets")
    async def test_an_address_that_has_all_places_gives_one_up_to_another(self, serve_with: Serve) -> None:
        limits = Limits(anonymous_sockets=3, process_anonymous_sockets=3)
        elsewhere = {"local_addr": ("127.0.0.2", 0)}
        async with serve_with(limits=limits) as served, contextlib.AsyncExitStack() as stack:
            user = served.user()
            oldest, _, newest = [await stack.enter_async_context(raw(served, user.id)) for _ in range(3)]
            newcomer = await stack.enter_async_context(raw(served, user.id, **elsewhere))
            said, code, _ = await closing(oldest)
            assert ([frame["error"] for frame in said], code) == (["rate_limited"], 4429)
            assert served.runtime.anonymous.sockets == 3
            for each in (newcomer, newest):
                await each.send(json.dumps({"type": "authenticate", "token": user.token}))
                assert json.loads(await each.recv())["type"] == "connected"
            assert served.runtime.anonymous.sockets == 1

    async def test_behind_a_trusted_proxy_the_forwarded_address_counts(self, serve_with: Serve) -> None:
        limits = Limits(anonymous_rate=0.1, anonymous_burst=1)
        proxies = (ip_network("127.0.0.0/8"),)
        async with serve_with(limits=limits, trusted_proxies=proxies) as served:
            user = served.user()
            for address_, status in (("203.0.113.1", None), ("203.0.113.2", None), ("203.0.113.1", 429)):
                headers = {"Authorization": "Bearer forged", "X-Forwarded-For": f"1.2.3.4, {address_}"}
                answer: int | None = None
                try:
                    async with raw(served, user.id, additional_headers=headers) as connection:
                        await closing(connection)
                except InvalidStatus as refused:
                    answer = refused.response.status_code
                assert answer == status

    @pytest.mark.validation_point("anonymous.address")
    async def test_a_waiting_socket_gives_way_to_who_comes_and_a_user_does_not(self, serve_with: Serve) -> None:
        async with serve_with(limits=Limits(anonymous_connections=2)) as served:
            user = served.user()
            async with signed_in(served, user) as own, raw(served, user.id) as oldest, raw(served, user.id):
                async with raw(served, user.id):
                    said, code, _ = await closing(oldest)
                    assert ([frame["error"] for frame in said], code) == (["rate_limited"], 4429)
                await own.send_json({"type": "ping", "id": "still here"})
                assert (await own.receive_json())["id"] == "still here"
