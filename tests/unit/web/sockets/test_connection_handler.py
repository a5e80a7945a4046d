"""The desk counts every connection that it admits exactly once, and lets it go again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.core import validation
from netra_backend.app.core.errors import AuthenticationRefused, Fault, IsolationRefused, LimitRefused
from netra_backend.app.core.frames import ExecuteAgent
from netra_backend.app.core.identity import Identity
from netra_backend.app.core.limits import Limits, Quotas
from netra_backend.app.services.audit_trail import AuditTrail
from netra_backend.app.web.sockets.connection_handler import ConnectionHandler
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
        if identity.user_id in self.revoked:
            raise AuthenticationRefused("Revoked.", kind="revoked", point=validation.AUTH_REVOKED)
        return identity


class Front:
    """A desk and what it stands on."""

    def __init__(self, workshop: Any) -> None:
        self.clock: ManualClock = workshop.clock
        self.pool = workshop.pool
        self.quotas: Quotas = workshop.quotas
        self.tokens = Tokens()
        self.trail = AuditTrail(workshop, self.clock)
        self.managers = WebSocketManagerFactory()
        self.managers.configure(workshop.limits, self.clock)
        tokens: Any = self.tokens
        catch_up: Any = None
        self.desk = ConnectionHandler(
            authentication=tokens,
            turns=workshop.turns,
            catch_up=catch_up,
            pool=self.pool,
            quotas=self.quotas,
            limits=workshop.limits,
            clock=self.clock,
            audit_trail=self.trail,
            mint=new_id,
        )

    async def connection(self, user_id: str = "user_ada") -> tuple[Connection, KeptWire]:
        manager = await self.managers.create_websocket_manager(user_id, new_id("thr"), new_id("conn"))
        wire = KeptWire()
        loop = asyncio.get_running_loop()
        return Connection(manager, wire, self.desk, self.pool, self.trail, self.clock, loop), wire

    def held(self, user_id: str = "user_ada") -> int:
        return self.quotas.of(user_id, 0.0).connections


@pytest.fixture
def limits() -> Limits:
    return Limits(connections=2)


@pytest.fixture
async def front(workshop: Any) -> Front:
    return Front(workshop)


ADA = Identity("user_ada", frozenset({"usage"}), None, 0)


async def test_an_admitted_connection_is_live_welcomed_and_counted_until_it_is_dismissed(front: Front) -> None:
    connection, wire = await front.connection()
    front.desk.admit(connection, ADA)
    welcome = await wire.until("connected")
    assert (welcome["connection_id"], welcome["user_id"]) == (connection.connection_id, "user_ada")
    assert (connection.is_live, front.pool.find(connection.connection_id), front.held()) == (True, connection, 1)
    connection.lost()
    for _ in range(2):
        front.desk.dismiss(connection)
    assert (front.held(), len(front.pool)) == (0, 0)


@pytest.mark.validation_point("limit.connections")
async def test_a_user_has_a_bounded_number_of_connections(front: Front) -> None:
    for _ in range(2):
        front.desk.admit((await front.connection())[0], ADA)
    third, _ = await front.connection()
    with pytest.raises(LimitRefused, match="At most 2 connections"):
        front.desk.admit(third, ADA)
    front.desk.dismiss(third)
    assert (front.held(), third.is_live) == (2, False)


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
    front.desk.dismiss(connection)
    assert (front.held(), len(front.pool), connection.identity) == (0, 0, None)


@pytest.mark.validation_point("auth.path_user")
async def test_a_token_of_another_user_is_not_admitted(front: Front) -> None:
    connection, wire = await front.connection("user_victim")
    connection.received('{"type":"authenticate","token":"user_ada"}')
    closed = wire.closed
    assert closed == (4504, "user_mismatch")
    assert (front.held(), front.held("user_victim")) == (0, 0)


@pytest.mark.validation_point("context.connection")
async def test_a_request_does_not_name_another_connection(front: Front) -> None:
    connection, _ = await front.connection()
    front.desk.admit(connection, ADA)
    with pytest.raises(IsolationRefused, match="is not the one of this connection"):
        await front.desk.start(connection, ExecuteAgent("golden", "m", context={"connection_id": "conn_1"}))


async def test_a_server_without_doors_holds_no_drill(front: Front) -> None:
    connection, _ = await front.connection()
    with pytest.raises(Fault, match="no doors to drill"):
        await front.desk.drill(connection, ExecuteAgent("golden", "m"))


async def test_a_sign_in_that_was_revoked_since_it_was_verified_is_not_admitted(front: Front) -> None:
    connection, _ = await front.connection()
    front.tokens.revoked.add("user_ada")
    with pytest.raises(AuthenticationRefused):
        front.desk.admit(connection, ADA)
    assert not connection.is_live
    assert front.pool.find(connection.connection_id) is None
    assert front.held() == 0


async def test_an_ending_server_tells_its_connections_lets_runs_end_and_closes_the_connections(front: Front) -> None:
    connection, wire = await front.connection()
    front.desk.admit(connection, ADA)
    await front.desk.drain({connection}, 1.5)
    assert (await wire.until("drain"))["after_ms"] == 1500
    assert wire.closed == (1012, "draining")
