"""The bus over a real Valkey that is frozen, crashed, or spoken to by strangers. What all buses promise is in the contract."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
import pytest
from redis.asyncio import Connection, Redis

from netra_backend.app.adapters.process.clock import SystemEntropy
from netra_backend.app.adapters.redis.bus import RedisBus
from netra_backend.app.adapters.redis.message import VERSION, Sealer, _cipher
from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead
from netra_backend.app.core.limits import Limits
from test_framework import services
from test_framework.ids import new_id
from test_framework.waiting import PATIENCE_S, until


def chunk(first: int, owner: str = "user_ada", size: int = 0) -> Chunk:
    made = Chunk(RunRecord(ThreadHead(owner, "thr_1", "e1", 1), "run_1", "req_1", "a", None, "UTC", 0), first)
    made.frames = [b'{"text":"%b"}' % (b"x" * size)]
    return made


STRANGER = b"a stranger's name"[:16]


class Pair:
    """Two processes on one Valkey; the second keeps the positions that it hears of ``user_ada``."""

    def __init__(self, url: str, **how: Any) -> None:
        loop, entropy = asyncio.get_running_loop(), SystemEntropy()
        how = {"namespace": new_id("bus"), "key": b"of this test", "beat_s": 0.01, **how}
        self.namespace: str = how["namespace"]
        self.key = blake2b(how["key"]).digest()  # as a bus derives it
        self.heard: list[int] = []
        self.speaker = RedisBus(url, self.hear, loop, entropy, **how)
        self.listener = RedisBus(url, self.hear, loop, entropy, **how)
        self.buses = (self.speaker, self.listener)

    def hear(self, owner: str, thread_id: str, epoch: str, first: int, frames: Sequence[bytes]) -> None:
        self.heard.append(first)

    async def connected(self) -> None:
        """Both are, and the one hears the other."""
        await until(lambda: self.speaker.connected and self.listener.connected)
        self.heard.clear()
        async with asyncio.timeout(PATIENCE_S):
            while not self.heard:
                self.speaker.publish([chunk(1_000_000)])
                for _ in range(50):
                    await asyncio.sleep(0)

    async def says(self, first: int) -> None:
        """One message, and it is heard."""
        self.speaker.publish([chunk(first)])
        await until(lambda: first in self.heard)


@pytest.fixture
async def pair(redis_service: services.Service) -> AsyncIterator[Pair]:
    made = Pair(redis_service.url)
    made.listener.follow("user_ada")
    for bus in made.buses:
        bus.start()
    await made.connected()
    yield made
    for bus in made.buses:
        await bus.close()
        assert not bus.connected


@pytest.fixture
async def own(monkeypatch: pytest.MonkeyPatch, redis_service: services.Service) -> AsyncIterator[services.Service]:
    """A Valkey that the test may crash."""
    monkeypatch.delenv(services.REDIS_VARIABLE, raising=False)
    service = await asyncio.to_thread(services.redis)
    yield service
    await asyncio.to_thread(service.close)


class TestFaults:
    async def test_after_a_crash_it_comes_back_by_itself_and_follows_whom_it_followed(
        self, own: services.Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        pair = Pair(own.url)
        pair.listener.follow("user_ada")
        for bus in pair.buses:
            bus.start()
        await pair.connected()
        own.kill()
        await until(lambda: not (pair.speaker.connected or pair.listener.connected))
        pair.speaker.publish([chunk(1)])
        await asyncio.to_thread(own.restart)
        await pair.connected()
        await pair.says(2)
        assert "lost a connection to the bus" in caplog.text
        for bus in pair.buses:
            await bus.close()

    async def test_a_server_that_is_frozen_counts_as_lost_and_is_used_again_when_it_wakes(
        self, own: services.Service
    ) -> None:
        pair = Pair(own.url)
        pair.listener.follow("user_ada")
        for bus in pair.buses:
            bus.start()
        await pair.connected()
        own.kill(signal.SIGSTOP)
        try:
            await until(lambda: not pair.listener.connected)
        finally:
            own.kill(signal.SIGCONT)
        await pair.connected()
        await pair.says(3)
        for bus in pair.buses:
            await bus.close()

    @pytest.mark.parametrize("turns", range(0, 60, 4))
    async def test_it_ends_when_it_is_closed_whatever_it_is_about(self, redis_service: Any, turns: int) -> None:
        pair = Pair(redis_service.url)
        pair.listener.follow("user_ada")
        for bus in pair.buses:
            bus.start()
        pair.speaker.publish([chunk(1, size=200_000)] * 20)
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            for bus in pair.buses:
                await bus.close()

    async def test_where_nobody_listens_it_is_not_connected_and_nothing_is_raised(self, own: services.Service) -> None:
        own.close()
        pair = Pair(own.url)
        for bus in pair.buses:
            bus.start()
        pair.speaker.publish([chunk(1)])
        await asyncio.sleep(0)
        assert not pair.speaker.connected
        for bus in pair.buses:
            await bus.close()

    async def test_what_is_too_much_to_wait_is_dropped_and_counted(self, own: services.Service) -> None:
        own.close()
        pair = Pair(own.url, limits=Limits(bus_bytes=2_500_000))
        fits = 3
        pair.speaker.publish([chunk(first, size=1_000_000) for first in range(fits + 5)])
        assert pair.speaker.counts()["dropped"] == 5

    async def test_a_listener_that_raises_costs_one_message(
        self, pair: Pair, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stumble(*_: Any) -> None:
            raise KeyError("a fault of ours")

        monkeypatch.setattr(pair.listener, "_on_message", stumble)
        pair.speaker.publish([chunk(1)])
        await until(lambda: "the bus failed" in caplog.text)
        monkeypatch.undo()
        await pair.connected()
        await pair.says(2)

    async def test_connections_that_the_server_ends_are_made_again(self, pair: Pair, redis_service: Any) -> None:
        redis = Redis.from_url(redis_service.url)
        before = pair.listener.counts()["connections"]
        await redis.client_kill_filter(_type="pubsub")
        await until(lambda: pair.listener.counts()["connections"] > before)
        await pair.connected()
        await redis.aclose()


class TestStrangers:
    async def test_what_is_not_ours_is_ignored_and_counted_and_ours_goes_on(
        self, pair: Pair, redis_service: Any, rng: random.Random
    ) -> None:
        redis = Redis.from_url(redis_service.url)
        channel = f"user_ada:{pair.namespace}:events"
        hostile = [rng.randbytes(rng.randrange(200)) for _ in range(150)]
        hostile += [b"", b"{}", b"x" * 3_000_000, Sealer(b"another key", STRANGER).message(chunk(5))]
        hostile += [Sealer(pair.key, STRANGER).message(chunk(6, "user_bob"))]
        for each in hostile:
            assert await redis.publish(channel, each) == 1
        await pair.says(7)
        assert pair.listener.counts()["ignored"] == len(hostile)
        assert set(pair.heard) == {1_000_000, 7}
        await redis.aclose()

    async def test_a_flood_of_what_is_not_ours_is_left_and_the_bus_comes_back(
        self, redis_service: Any, rng: random.Random, caplog: pytest.LogCaptureFixture
    ) -> None:
        pair = Pair(redis_service.url, limits=Limits(bus_strange_rate=10))
        pair.listener.follow("user_ada")
        for bus in pair.buses:
            bus.start()
        await pair.connected()
        redis = Redis.from_url(redis_service.url)
        channel = f"user_ada:{pair.namespace}:events"
        own = Sealer(pair.key, STRANGER).message(chunk(5))
        flood = redis.pipeline(transaction=False)
        for _ in range(2_000):
            flood.publish(channel, own)  # made with the key, and heard once
            flood.publish(channel, rng.randbytes(100))
        await flood.execute()
        await until(lambda: "are not this server's: reading the log instead for 1 s" in caplog.text)
        assert pair.heard.count(5) <= 1
        assert pair.listener.counts()["ignored"] <= 11
        await pair.connected()
        await pair.says(7)
        await redis.aclose()
        for bus in pair.buses:
            await bus.close()

    async def test_what_a_newer_process_says_is_dropped(self, pair: Pair, redis_service: Any) -> None:
        redis = Redis.from_url(redis_service.url)
        channel = f"user_ada:{pair.namespace}:events"
        cipher = _cipher(pair.key, STRANGER)
        for count, version in enumerate((VERSION + 1, VERSION)):
            nonce = count.to_bytes(12, "big")
            told = msgspec.msgpack.encode(["user_ada", "thr_1", "e1", 5 + count, [b"{}"], version])
            message = STRANGER + nonce + cipher.encrypt(nonce, told, b"user_ada")
            assert await redis.publish(channel, message) == 1
        await pair.says(7)
        assert set(pair.heard) == {1_000_000, 6, 7}
        assert pair.listener.counts()["ignored"] == 1
        await redis.aclose()

    async def test_another_server_on_the_same_redis_is_not_heard(self, pair: Pair, redis_service: Any) -> None:
        other = Pair(redis_service.url, namespace=new_id("bus"))
        other.listener.follow("user_ada")
        for bus in other.buses:
            bus.start()
        await other.connected()
        await pair.says(8)
        await other.says(9)
        assert 9 not in pair.heard
        assert 8 not in other.heard
        for bus in other.buses:
            await bus.close()


async def test_a_batch_that_waits_is_said_in_one_write(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []
    send = Connection.send_packed_command

    async def counted(self: Any, command: Any, **how: Any) -> None:
        if isinstance(command, list) and b"PUBLISH" in command[0]:
            writes.append(len(command))
        await send(self, command, **how)

    await pair.says(2)  # nothing of before waits any more
    monkeypatch.setattr(Connection, "send_packed_command", counted)
    for first in range(50):
        pair.speaker.publish([chunk(first), chunk(first)])
    await until(lambda: len(pair.heard) >= 100 and pair.heard[-1] == 49)
    assert writes == [100]
    assert pair.speaker.counts()["dropped"] == 0
