"""What time does to a connection: heartbeats, readers that stall, and waiting until all has left."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from netra_backend.app.core.frames import Pong
from netra_backend.app.core.limits import Limits

PING = '{"type":"ping","id":"p"}'


def execute(message: str, **fields: Any) -> str:
    return json.dumps({"type": "execute_agent", "agent": "golden", "message": message, **fields})


class TestStalling:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(heartbeat_ms=3_600_000, outbox_stall_s=10.0)

    async def stalled(self, room: Any, turns: Any) -> tuple[Any, Any]:
        connection, wire = await room.connect()
        wire.fills_at = 100
        connection.push(b"x" * 1000)
        await turns()
        assert not wire.writable
        return connection, wire

    def pass_time(self, room: Any, connection: Any, seconds: float) -> None:
        room.clock.advance(s=seconds)
        connection.tick(room.clock.monotonic(), room.clock.now_ms())

    async def test_ten_seconds_without_progress_close_it(self, room: Any, turns: Any, close_code: Any) -> None:
        connection, wire = await self.stalled(room, turns)
        self.pass_time(room, connection, 9.9)
        assert wire.closed == []
        self.pass_time(room, connection, 0.1)
        assert wire.closed == [close_code("slow_consumer")]

    async def test_a_slow_reader_that_goes_on_reading_stays(self, room: Any, turns: Any, close_code: Any) -> None:
        connection, wire = await self.stalled(room, turns)
        for left in (900, 500, 20):
            wire.unsent = left
            connection.push(b"more")  # looking at the socket again is no progress, and hides none
            await turns()
            self.pass_time(room, connection, 10)
            assert wire.closed == []
        self.pass_time(room, connection, 10)
        assert wire.closed == [close_code("slow_consumer")]

    async def test_a_socket_that_takes_bytes_again_starts_anew(self, room: Any, turns: Any) -> None:
        connection, wire = await self.stalled(room, turns)
        self.pass_time(room, connection, 9)
        wire.writable = True
        connection.writable()
        self.pass_time(room, connection, 9)
        assert wire.closed == []


class TestTime:
    async def test_a_heartbeat_tells_tops_and_a_missing_pong_closes(
        self, room: Any, turns: Any, close_code: Any
    ) -> None:
        connection, wire = await room.connect()
        room.publish([("user_ada", "thr_1", 4, b'{"type":"e"}')])
        for seconds in (20, 20):
            room.clock.advance(s=seconds)
            connection.tick(room.clock.monotonic(), room.clock.now_ms())
        await turns()
        assert wire.said[1] == {"type": "heartbeat", "tops": {"thr_1": 4}}
        assert wire.pings == 1
        assert wire.closed == [close_code("no_pong")]

    async def test_a_pong_keeps_it_open(self, room: Any) -> None:
        connection, wire = await room.connect()
        for _ in range(5):
            room.clock.advance(s=20)
            connection.tick(room.clock.monotonic(), room.clock.now_ms())
            connection.ponged()
        assert (wire.pings, wire.closed) == (5, [])

    async def test_where_pings_are_somebody_elses_work_no_pong_is_missed(self, room: Any) -> None:
        connection, wire = await room.connect()
        wire.answers_pings = False
        for _ in range(5):
            room.clock.advance(s=20)
            connection.tick(room.clock.monotonic(), room.clock.now_ms())
        assert wire.closed == []

    async def test_a_revoked_sign_in_is_told_and_closed(self, room: Any, close_code: Any) -> None:
        connection, wire = await room.connect()
        connection.end_sign_in("revoked")
        assert [frame["error"] for frame in wire.said] == ["revoked"]
        assert wire.closed == [close_code("revoked")]

    async def test_a_disconnect_flushes_what_waits_and_happens_once(self, room: Any) -> None:
        connection, wire = await room.connect()
        connection.say(Pong(server_time=1))
        connection.disconnect(1012, "draining")
        connection.disconnect(1012, "draining")
        assert [frame["type"] for frame in wire.said] == ["pong"]
        assert wire.closed == [(1012, "draining")]


class TestDraining:
    async def test_drained_waits_until_what_was_queued_has_left(self, room: Any, turns: Any) -> None:
        connection, wire = await room.connect()
        wire.writable = False
        connection.push(b"{}")
        waits = [asyncio.create_task(connection.drained()) for _ in range(2)]
        await turns()
        assert not any(wait.done() for wait in waits)
        wire.writable = True
        connection.writable()
        await asyncio.gather(*waits)
        await connection.drained()

    async def test_drained_returns_when_the_socket_is_lost(self, room: Any, turns: Any) -> None:
        connection, wire = await room.connect()
        wire.writable = False
        connection.push(b"{}")
        wait = asyncio.create_task(connection.drained())
        await turns()
        connection.lost()
        await wait
        assert wire.writes == []
