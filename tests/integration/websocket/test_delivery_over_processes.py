"""Delivery between two processes over a real PostgreSQL and a real Valkey whose cable is pulled: no hole, no repeat, no wait
beyond the next look at the log."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from netra_backend.app.adapters.postgres.event_log import PostgresEventLog
from netra_backend.app.adapters.process.clock import SystemClock, SystemEntropy
from netra_backend.app.adapters.redis.bus import RedisBus
from netra_backend.app.core.frames import Resume
from netra_backend.app.core.history import RunRecord
from netra_backend.app.core.identity import Identity
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.quotas import Quotas
from netra_backend.app.services.audit_trail import AuditTrail
from netra_backend.app.services.conversations import Conversations
from netra_backend.app.websocket_core.catch_up import CatchUp
from netra_backend.app.websocket_core.connection import Connection, ConnectionParts
from netra_backend.app.websocket_core.follower import Follower
from netra_backend.app.websocket_core.incoming import FrameHandlers
from netra_backend.app.websocket_core.websocket_connection_pool import WebSocketConnectionPool
from netra_backend.app.websocket_core.websocket_manager_factory import WebSocketManagerFactory
from test_framework.faults import CuttableLink
from test_framework.ids import new_id
from test_framework.log_story import LogStory
from test_framework.seen_positions import resuming, seqs
from test_framework.service_clients import own_netra_database
from test_framework.services import Service
from test_framework.waiting import until

ADA = "user_ada"


class Wire:
    """A socket that takes everything."""

    writable, unsent = True, 0

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def send(self, frames: Any) -> None:
        self.said += [json.loads(frame) for frame in frames]

    def ping(self) -> bool:
        return False

    def close(self, code: int, reason: str) -> None:
        raise AssertionError(f"closed with {code} {reason}")

    @property
    def seqs(self) -> list[int]:
        return seqs(self.said)

    @property
    def lives(self) -> int:
        return sum(frame.get("type") == "live" for frame in self.said)


async def not_asked(_: Any, __: Any) -> None:
    raise AssertionError("these devices only resume")


class Process(LogStory):
    """One process: its connections, follower, bus and log."""

    def __init__(self, namespace: str, redis_url: str) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self.pool = WebSocketConnectionPool()
        self.pool.configure(loop.call_soon)
        self.follower = Follower(self.pool, loop)
        self.bus = RedisBus(
            redis_url, self.follower.on_message, loop, SystemEntropy(), namespace=namespace, key=b"k", beat_s=0.05
        )
        self.managers = WebSocketManagerFactory()
        self.managers.configure(Limits(), SystemClock())

    async def open(self, database_url: str) -> None:
        """Begin."""
        self.tell(
            await PostgresEventLog.open(
                database_url, new_id("prc"), SystemClock(), self.follower.publish, self.failed, lease_ms=30_000
            )
        )
        self.follower.configure(self.log, self.bus)
        self.bus.start()
        self.follower.start()
        conversations = Conversations(self.log, SystemClock(), SystemEntropy(), new_id, Quotas(Limits()))
        catch_up = CatchUp(self.log, conversations, self.follower)
        audit: Any = None
        self.parts = ConnectionParts(
            handlers=FrameHandlers(not_asked, {}, {Resume: catch_up.resume}, 1000, 32),
            pool=self.pool,
            audit_trail=AuditTrail(audit, SystemClock()),
            clock=SystemClock(),
            mint=new_id,
            loop=asyncio.get_running_loop(),
        )

    async def close(self) -> None:
        """End."""
        await self.follower.close()
        await self.bus.close()
        await self.log.close()

    async def connect(self) -> tuple[Connection, Wire]:
        """A device of Ada's."""
        manager = await self.managers.create_websocket_manager(ADA, new_id("thr"), new_id("conn"))
        wire = Wire()
        connection = Connection(manager, wire, self.parts)
        connection.identity = Identity(ADA, frozenset(), None, 0)
        connection.session.authenticated(ADA, None)
        self.pool.add(connection)
        await self.follower.ready(ADA)
        return connection, wire


class Fleet:
    """Two processes, and the cable of their bus."""

    def __init__(self, cable: CuttableLink, one: Process, two: Process) -> None:
        self.cable = cable
        self.one = one
        self.two = two


@pytest.fixture
async def fleet(prepared_postgres: Any, redis_service: Service) -> AsyncIterator[Fleet]:
    address = urlsplit(redis_service.url)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(own_netra_database(prepared_postgres))
        cable = await stack.enter_async_context(CuttableLink(address.hostname or "", address.port or 6379))
        url = address._replace(netloc=f":{address.password or ''}@127.0.0.1:{cable.port}").geturl()
        namespace, made = new_id("bus"), list[Process]()
        for _ in range(2):
            made.append(Process(namespace, url))
            await made[-1].open(database.url)
            stack.push_async_callback(made[-1].close)
        await until(lambda: all(process.bus.connected for process in made))
        yield Fleet(cable, *made)


async def resume(connection: Connection, run: RunRecord, seq: int) -> None:
    connection.received(resuming(**{run.head.thread_id: (run.head.epoch, seq)}))


async def test_what_one_process_commits_is_seen_at_the_other_as_it_is_committed(fleet: Fleet) -> None:
    _, here = await fleet.one.connect()
    _, there = await fleet.two.connect()
    run = fleet.one.run(fleet.one.thread(ADA))
    for seq in range(1, 31):
        fleet.one.write(run, "x" * seq, ends=seq == 30)
        await fleet.one.log.durable(run)
    await until(lambda: len(there.seqs) == 30)
    assert here.seqs == there.seqs == list(range(1, 31))


async def test_while_the_bus_is_gone_the_log_is_looked_at_and_nothing_is_lost_or_doubled(
    fleet: Fleet, rng: random.Random
) -> None:
    _, here = await fleet.one.connect()
    _, there = await fleet.two.connect()
    run = fleet.one.run(fleet.one.thread(ADA))
    for part in range(1, 9):
        if part in (3, 6):
            await fleet.cable.cut()
        for _ in range(rng.randrange(1, 20)):
            fleet.one.write(run, "x" * rng.randrange(200))
            if rng.random() < 0.3:
                await fleet.one.log.durable(run)
        if part in (4, 7):
            await until(lambda: there.seqs[-1:] == [run.head.top])  # by looking, since there is no bus
            await fleet.cable.mend()
    fleet.one.write(run, ends=True)
    await until(lambda: there.seqs[-1:] == [run.head.top])
    await until(lambda: fleet.two.bus.connected)
    assert here.seqs == there.seqs == list(range(1, run.head.top + 1))


async def test_a_thread_that_moves_from_one_process_to_the_other_is_seen_whole_at_both(
    fleet: Fleet, rng: random.Random
) -> None:
    _, here = await fleet.one.connect()
    _, there = await fleet.two.connect()
    writer, other = fleet.one, fleet.two
    run = writer.run(writer.thread(ADA))
    for move in range(6):
        for _ in range(rng.randrange(1, 12)):
            writer.write(run, "x" * rng.randrange(200))
        await writer.log.durable(run)
        if move == 3:
            await fleet.cable.cut()
        await writer.log.release([run.head])
        writer, other = other, writer
        run = await writer.hold(run)
        writer.write(run, "moved")
    await fleet.cable.mend()
    writer.write(run, ends=True)
    await until(lambda: here.seqs[-1:] == there.seqs[-1:] == [run.head.top])
    assert here.seqs == there.seqs == list(range(1, run.head.top + 1))


async def test_a_device_catches_up_at_one_process_on_a_run_that_goes_on_at_the_other(fleet: Fleet) -> None:
    run = fleet.one.run(fleet.one.thread(ADA))
    for _ in range(700):
        fleet.one.write(run, "before")
    await fleet.one.log.durable(run)
    connection, wire = await fleet.two.connect()
    await resume(connection, run, 10)
    for _ in range(30):
        fleet.one.write(run, "meanwhile")
        await fleet.one.log.durable(run)
    await until(lambda: wire.lives)
    fleet.one.write(run, ends=True)
    await until(lambda: wire.seqs[-1:] == [run.head.top])
    assert wire.seqs == list(range(11, run.head.top + 1))


async def test_a_device_that_comes_over_with_a_newer_position_than_was_told_here_is_served(fleet: Fleet) -> None:
    _, other = await fleet.two.connect()
    await fleet.cable.cut()
    run = fleet.one.run(fleet.one.thread(ADA))
    for _ in range(5):
        fleet.one.write(run)
    await fleet.one.log.durable(run)
    connection, wire = await fleet.two.connect()
    await resume(connection, run, 4)
    await until(lambda: wire.lives)
    fleet.one.write(run, ends=True)
    await until(lambda: wire.seqs[-1:] == [6])
    await until(lambda: len(other.seqs) == 6)
    assert wire.seqs in ([5, 6], [1, 2, 3, 4, 5, 6])  # what was on its way when it asked, a client drops
    assert other.seqs == [1, 2, 3, 4, 5, 6]
    assert [frame["type"] for frame in wire.said if "type" in frame] == ["live"]
