"""The handler counts every connection that it lets in exactly once, and ends it again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, get_args

import pytest

from netra_backend.app.core import validation
from netra_backend.app.core.errors import (
    AuthenticationRefused,
    LimitRefused,
    SSotIsolationError,
)
from netra_backend.app.core.identity import CLOCK_LEEWAY_MS, Identity
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.quotas import Quotas
from netra_backend.app.core.session import HandledFrame
from netra_backend.app.services.audit_trail import AuditTrail
from netra_backend.app.web.sockets.connection_handler import ConnectionHandler
from netra_backend.app.websocket_core.catch_up import CatchUp
from netra_backend.app.websocket_core.connection import Connection
from netra_backend.app.websocket_core.websocket_manager_factory import WebSocketManagerFactory
from test_framework.clock import ManualClock
from test_framework.ids import new_id
from test_framework.local_runtime import KeptWire


class Tokens:
    """Verifies a token that is a user id, when the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.revoked: set[str] = set()
        self.gate.set()

    async def verify(self, token: str) -> Identity:
        await self.gate.wait()
        return Identity(token, frozenset({"usage"}), None, 0)

    def standing(self, identity: Identity) -> Identity:
        if not self.revoked.isdisjoint((identity.user_id, identity.token_id)):
            raise AuthenticationRefused("Revoked.", kind="revoked", point=validation.AUTH_REVOKED)
        return identity


class Front:
    """A connection handler and what it stands on."""

    def __init__(self, workshop: Any) -> None:
        self.clock: ManualClock = workshop.clock
        self.pool = workshop.pool
        self.quotas: Quotas = workshop.quotas
        self.tokens = Tokens()
        self.trail = AuditTrail(workshop, self.clock)
        self.managers = WebSocketManagerFactory()
        self.managers.configure(workshop.limits, self.clock)
        self.waits: list[float] = []
        self.time_passes, self.waiting = asyncio.Event(), asyncio.Event()
        tokens: Any = self.tokens
        catch_up = CatchUp(workshop.log, workshop.conversations)
        self.handler = ConnectionHandler(
            authentication=tokens,
            runs=workshop.turns,
            catch_up=catch_up,
            pool=self.pool,
            quotas=self.quotas,
            limits=workshop.limits,
            clock=self.clock,
            audit_trail=self.trail,
            mint=new_id,
            loop=asyncio.get_running_loop(),
            sleep=self._wait,
        )

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.waiting.set()
        await self.time_passes.wait()

    async def connection(
        self, user_id: str = "user_ada", identity: Identity | None = None
    ) -> tuple[Connection, KeptWire]:
        manager = await self.managers.create_websocket_manager(user_id, new_id("thr"), new_id("conn"))
        wire = KeptWire()
        return self.handler.open(manager, wire, identity), wire

    def held(self, user_id: str = "user_ada") -> int:
        return self.quotas.of(user_id, 0.0).connections


@pytest.fixture
def limits() -> Limits:
    return Limits(connections=2, resume_rate=100.0, resume_burst=5_000)


@pytest.fixture
async def front(workshop: Any) -> Front:
    return Front(workshop)


ADA = Identity("user_ada", frozenset({"usage"}), None, 0)


async def test_a_connection_that_is_let_in_is_live_welcomed_and_counted_until_it_is_closed(front: Front) -> None:
    connection, wire = await front.connection(identity=ADA)
    assert list(front.handler) == [connection]
    welcome = await wire.until("connected")
    assert (welcome["connection_id"], welcome["user_id"]) == (connection.connection_id, "user_ada")
    assert (connection.is_live, front.pool.find(connection.connection_id), front.held()) == (True, connection, 1)
    for _ in range(2):
        front.handler.closed(connection)
    assert (front.held(), len(front.pool), len(front.handler)) == (0, 0, 0)


@pytest.mark.validation_point("limit.connections")
async def test_a_user_has_a_bounded_number_of_connections(front: Front) -> None:
    for _ in range(2):
        await front.connection(identity=ADA)
    with pytest.raises(LimitRefused, match="The limit is 2 connections"):
        await front.connection(identity=ADA)
    assert (front.held(), len(front.handler), len(front.pool)) == (2, 2, 2)


async def test_a_user_who_resumes_much_waits_and_is_refused_in_the_end_and_a_neighbour_is_answered(
    front: Front,
) -> None:
    flood, flooded = await front.connection(identity=ADA)
    neighbour, answered = await front.connection("user_bob", replace(ADA, user_id="user_bob"))

    def resume(connection: Connection, count: int) -> None:
        positions = {f"thr_{n}": {"epoch": "", "seq": 0} for n in range(count)}
        connection.received(json.dumps({"type": "resume", "id": "r", "positions": positions}))

    for _ in range(20):
        resume(flood, 1000)
    for _ in range(10):
        resume(neighbour, 1)
    for _ in range(10):
        await answered.until("error")  # there is no such thread
    async with asyncio.timeout(20):
        await front.waiting.wait()
    front.time_passes.set()
    while (told := await flooded.until("error"))["error"] == "not_found":
        pass
    assert (told["error"], told["id"], flooded.closed) == ("rate_limited", "r", None)
    assert max(front.waits) <= 30.0


async def test_a_second_token_while_the_first_is_looked_at_is_not_counted(front: Front) -> None:
    front.tokens.gate.clear()
    connection, wire = await front.connection()
    for _ in range(2):
        connection.received('{"type":"authenticate","token":"user_ada"}')
    front.tokens.gate.set()
    await wire.until("connected")
    for _ in range(5):
        await asyncio.sleep(0)
    assert (front.held(), wire.frames, wire.closed) == (1, [], None)


async def test_a_socket_that_is_lost_while_its_token_is_looked_at_is_never_admitted(front: Front) -> None:
    front.tokens.gate.clear()
    connection, _ = await front.connection()
    connection.received('{"type":"authenticate","token":"user_ada"}')
    await asyncio.sleep(0)
    connection.lost()
    front.tokens.gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    front.handler.closed(connection)
    assert (front.held(), len(front.pool), connection.identity) == (0, 0, None)


@pytest.mark.validation_point("auth.path_user")
async def test_a_token_of_another_user_is_not_admitted(front: Front) -> None:
    connection, wire = await front.connection("user_victim")
    connection.received('{"type":"authenticate","token":"user_ada"}')
    closed = wire.closed
    assert closed == (4504, "user_mismatch")
    assert (front.held(), front.held("user_victim")) == (0, 0)


async def test_every_frame_that_a_session_lets_through_has_one_handler(front: Front) -> None:
    table = front.handler._parts.handlers
    assert {*table.commands} | {*table.replays} == set(get_args(HandledFrame))
    assert not {*table.commands} & {*table.replays}


async def test_a_server_without_endpoints_holds_no_drill(front: Front) -> None:
    front.managers.configure(Limits(), front.clock, drills_allowed=True)
    connection, wire = await front.connection(identity=ADA)
    asked = {"type": "execute_agent", "agent": "a", "message": "m", "id": "d", "stress_ssot_isolation": True}
    connection.received(json.dumps(asked))
    error = await wire.until("error")
    assert (error["error"], error["id"]) == ("dependency_unavailable", "d")
    assert "no endpoints to drill" in error["message"]


async def test_a_sign_in_that_was_revoked_since_it_was_verified_is_not_admitted(front: Front) -> None:
    front.tokens.revoked.add("user_ada")
    with pytest.raises(AuthenticationRefused):
        await front.connection(identity=ADA)
    assert (front.held(), len(front.pool), len(front.handler)) == (0, 0, 0)


async def test_an_ending_server_tells_its_connections_lets_runs_end_and_closes_the_connections(front: Front) -> None:
    _, wire = await front.connection(identity=ADA)
    await front.handler.drain(1.5)
    assert not front.handler.is_accepting
    assert (await wire.until("drain"))["after_ms"] == 1500
    assert wire.closed == (1012, "draining")


async def test_a_connection_whose_id_is_another_s_is_neither_counted_nor_kept(front: Front) -> None:
    first, _ = await front.connection(identity=ADA)
    manager = await front.managers.create_websocket_manager("user_ada", new_id("thr"), first.connection_id)
    with pytest.raises(SSotIsolationError):
        front.handler.open(manager, KeptWire(), ADA)
    assert (front.held(), list(front.handler), front.pool.of_user("user_ada")) == (1, [first], (first,))


async def test_no_more_connections_are_let_in_than_the_process_has_room_for(front: Front) -> None:
    front.handler._limits = Limits(process_connections=1)
    assert front.handler.is_accepting
    connection, _ = await front.connection()
    assert not front.handler.is_accepting
    front.handler.closed(connection)
    assert front.handler.is_accepting


async def test_a_connection_that_breaks_a_tick_costs_the_others_nothing(
    front: Front, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, _ = await front.connection("user_bob")
    _, wire = await front.connection(identity=ADA)
    monkeypatch.setattr(broken, "session", None)
    front.handler.tick(21.0, 21_000)
    assert (await wire.until("heartbeat"))["type"] == "heartbeat"
    assert [getattr(record, "connection_id", None) for record in caplog.records] == [broken.connection_id]


PHONE = Identity("user_ada", frozenset({"usage"}), None, 0, "phone")


async def test_a_connection_does_not_outlive_its_sign_in_by_a_second(front: Front) -> None:
    _, wire = await front.connection(identity=replace(ADA, expires_at_ms=1500 - CLOCK_LEEWAY_MS))
    front.handler.tick(1.0, 1000)
    assert wire.closed is None
    front.handler.tick(2.0, 2000)
    assert wire.closed == (4401, "token_expired")
    assert [frame["error"] for frame in wire.frames if frame["type"] == "error"] == ["token_expired"]


async def test_the_end_of_one_sign_in_closes_the_connections_that_it_opened_and_no_other(front: Front) -> None:
    _, laptop = await front.connection(identity=ADA)
    _, phone = await front.connection(identity=PHONE)
    _, others = await front.connection("user_bob", identity=replace(PHONE, user_id="user_bob"))
    front.tokens.revoked.add("phone")
    front.handler.end_sign_ins("user_ada")
    assert (laptop.closed, phone.closed, others.closed) == (None, (4503, "revoked"), None)


async def test_a_connection_is_open_until_the_leeway_of_its_token_is_over(front: Front) -> None:
    connection, wire = await front.connection(identity=replace(ADA, expires_at_ms=10_000))
    connection.tick(1.0, 39_999)
    assert wire.closed is None
    connection.tick(1.0, 40_000)
    assert wire.closed == (4401, "token_expired")
