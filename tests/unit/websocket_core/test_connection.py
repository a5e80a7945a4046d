"""A connection does what its session asks for: in order, in one write, and only for its owner."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from netra_backend.app.core.errors import AuthenticationRefused, DependencyUnavailable, LimitRefused, NotFound
from netra_backend.app.core.frames import Pong
from netra_backend.app.core.validation import AUTH_SIGNATURE, LIMIT_RUNS, THREAD_OWNED

PING = '{"type":"ping","id":"p"}'


def execute(message: str, **fields: Any) -> str:
    return json.dumps({"type": "execute_agent", "agent": "golden", "message": message, **fields})


class TestWriting:
    async def test_everything_of_one_turn_leaves_in_one_write(self, room: Any, turns: Any) -> None:
        connection, wire = await room.connect()
        for _ in range(5):
            connection.received(PING)
        assert wire.writes == []
        await turns()
        assert [len(write) for write in wire.writes] == [5]

    async def test_events_of_many_threads_and_an_answer_leave_in_one_write(self, room: Any, turns: Any) -> None:
        connection, wire = await room.connect()
        connection.received(PING)
        room.publish([("user_ada", f"thr_{n}", 1, b'{"type":"e"}') for n in range(10)])
        await turns()
        assert [len(write) for write in wire.writes] == [11]

    async def test_frames_wait_while_the_socket_takes_none_and_keep_their_order(self, room: Any, turns: Any) -> None:
        connection, wire = await room.connect()
        wire.writable = False
        for n in range(3):
            connection.say(Pong(server_time=n))
            await turns()
        assert wire.writes == []
        wire.writable = True
        connection.writable()
        assert [frame["server_time"] for frame in wire.said] == [0, 1, 2]
        assert len(wire.writes) == 1

    async def test_a_reader_that_keeps_up_is_never_slow_however_much_comes_at_once(self, room: Any, turns: Any) -> None:
        connection, wire = await room.connect()
        room.publish([("user_ada", "thr_1", n, b"x" * 400_000) for n in range(1, 8)])
        connection.push(b"y" * 3_000_000)
        await turns()
        assert wire.closed == []
        assert sum(len(frame) for write in wire.writes for frame in write) == 7 * 400_000 + 3_000_000

    async def test_a_reader_that_takes_nothing_is_closed_when_its_outbox_is_full(
        self, room: Any, turns: Any, close_code: Any
    ) -> None:
        slow, wire = await room.connect()
        other, well = await room.connect("user_bob")
        wire.writable = False
        for n in range(1, 5):
            room.publish([("user_ada", "thr_1", n, b"x" * 400_000), ("user_bob", "thr_2", n, b"{}")])
        await turns()
        assert wire.closed == [close_code("slow_consumer")]
        assert room.pool.find(slow.connection_id) is None
        assert not slow.is_live
        assert (well.closed, len(well.said), other.is_live) == ([], 4, True)

    async def test_control_frames_count_against_the_outbox_as_well(self, room: Any, close_code: Any) -> None:
        connection, wire = await room.connect()
        wire.writable = False
        connection.push(b"x" * 1_100_000)
        assert wire.closed == [close_code("slow_consumer")]
        connection.push(b"nobody is there")
        connection.say(Pong(server_time=1))
        assert wire.writes == []


class TestOwner:
    @pytest.mark.validation_point("outbox.owner")
    async def test_an_event_of_another_user_is_dropped_and_the_connection_closed_and_audited(
        self, room: Any, turns: Any, close_code: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        connection, wire = await room.connect()
        with caplog.at_level(logging.CRITICAL, "netra.connection"):
            wanted = connection.deliver("user_bob", "thr_1", 1, [b"the secret of bob"])
        await turns()
        assert wire.closed == [close_code("cross_user_delivery")]
        assert wanted is False
        assert wire.said == []
        assert room.audit.kept == [
            (
                "user_ada",
                "refused",
                "outbox.owner",
                {"error": "cross_user_delivery", "field": "", "connection_id": connection.connection_id},
            )
        ]
        assert "delivery to another user was stopped" in caplog.text

    async def test_a_refusal_before_authentication_is_nobodys(self, room: Any, turns: Any) -> None:
        connection, wire = await room.connect("user_victim", authenticated=False)
        connection.received(PING)
        await turns()
        assert [row[0] for row in room.audit.kept] == [None]
        assert wire.closed[0][0] == 4501

    async def test_it_is_live_only_once_it_is_authenticated_and_until_it_ends(self, room: Any) -> None:
        waiting, _ = await room.connect(authenticated=False)
        connection, _ = await room.connect()
        assert (waiting.is_live, waiting.scopes) == (False, frozenset())
        assert (connection.is_live, connection.scopes) == (True, frozenset({"usage"}))
        connection.lost()
        connection.lost()
        assert not connection.is_live
        assert len(room.pool) == 0
        connection.received(PING)
        assert connection.deliver("user_ada", "thr_1", 1, [b"{}"]) is False


class TestCommands:
    async def test_commands_are_done_in_the_order_they_came_also_where_one_waits(self, room: Any, turns: Any) -> None:
        connection, _ = await room.connect()
        gate = asyncio.Event()
        order: list[Any] = []

        async def answer(what: str, asked: Any) -> None:
            if asked == "one":
                await gate.wait()
            order.append(asked)

        room.handlers.answer = answer
        connection.received(execute("one"))
        connection.received('{"type":"cancel_run","run_id":"two"}')
        connection.received('{"type":"resolve_approval","approval_id":"three","decision":"deny","arguments_hash":"h"}')
        assert order == []
        gate.set()
        await turns(8)
        assert order == ["one", "two", "three"]

    async def test_a_replay_holds_up_no_command_and_replays_come_one_after_the_other(
        self, room: Any, turns: Any
    ) -> None:
        connection, _ = await room.connect()
        gate = asyncio.Event()
        order: list[Any] = []

        async def answer(what: str, asked: Any) -> None:
            if asked == "r1":
                await gate.wait()
            order.append(asked)

        room.handlers.answer = answer
        connection.received('{"type":"resume","id":"r1","positions":{}}')
        connection.received('{"type":"resume","id":"r2","positions":{}}')
        connection.received(execute("drill", id="drill", stress_ssot_isolation=True))
        connection.received(execute("one"))
        assert order == ["one"]
        gate.set()
        await turns(8)
        assert order == ["one", "r1", "r2", "drill"]

    @pytest.mark.parametrize(
        ("bound", "frame"),
        [("held_frames", execute("x")), ("held_replays", '{"type":"resume","id":"r","positions":{}}')],
    )
    async def test_no_more_waits_than_there_is_room_for(
        self, room: Any, close_code: Any, bound: str, frame: str
    ) -> None:
        room.handlers.bounds = {bound: 3}
        connection, wire = await room.connect()
        gate = asyncio.Event()

        async def answer(what: str, asked: Any) -> None:
            await gate.wait()

        room.handlers.answer = answer
        for _ in range(4):
            connection.received(frame)
        assert wire.closed == []
        connection.received(frame)
        assert wire.closed == [close_code("rate_limited")]

    async def test_what_was_begun_is_cancelled_when_the_socket_is_lost(self, room: Any, turns: Any) -> None:
        connection, _ = await room.connect()
        seen: list[str] = []

        async def answer(what: str, asked: Any) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append(what)
                raise

        room.handlers.answer = answer
        connection.received(execute("one"))
        connection.received(execute("two"))
        connection.received('{"type":"resume","id":"r1","positions":{}}')
        await turns()
        connection.lost()
        await turns()
        assert sorted(seen) == ["catch_up", "start"]
        assert [asked for what, asked in room.handlers.asked if what == "start"] == ["one"]

    async def test_a_refused_command_is_told_and_recorded_and_the_socket_stays(self, room: Any, turns: Any) -> None:
        connection, wire = await room.connect()

        async def answer(what: str, asked: Any) -> None:
            raise NotFound("There is no such run.", field="run_id", point=THREAD_OWNED)

        room.handlers.answer = answer
        connection.received('{"type":"cancel_run","id":"c1","run_id":"run_1"}')
        await turns()
        assert [(frame["error"], frame["id"], frame["field"]) for frame in wire.said] == [("not_found", "c1", "run_id")]
        assert room.audit.kept[0][:3] == ("user_ada", "refused", "thread.owned")
        assert (wire.closed, connection.is_live) == ([], True)

    async def test_a_limit_with_a_close_code_does_not_close_an_authenticated_socket(
        self, room: Any, turns: Any
    ) -> None:
        connection, wire = await room.connect()

        async def answer(what: str, asked: Any) -> None:
            raise LimitRefused("Too many.", point=LIMIT_RUNS)

        room.handlers.answer = answer
        connection.received(execute("one"))
        await turns()
        assert [frame["error"] for frame in wire.said] == ["rate_limited"]
        assert wire.closed == []

    async def test_a_dependency_that_is_down_is_told_and_not_audited(self, room: Any, turns: Any) -> None:
        connection, wire = await room.connect()

        async def answer(what: str, asked: Any) -> None:
            raise DependencyUnavailable("Down.", retry_after_ms=5000)

        room.handlers.answer = answer
        connection.received(execute("one"))
        await turns()
        assert [(frame["error"], frame["retry_after_ms"]) for frame in wire.said] == [("dependency_unavailable", 5000)]
        assert room.audit.kept == []

    async def test_a_fault_of_ours_is_told_by_an_id_that_stands_in_the_log_and_by_nothing_else(
        self, room: Any, turns: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        connection, wire = await room.connect()

        async def answer(what: str, asked: Any) -> None:
            raise ZeroDivisionError("the inner secret")

        room.handlers.answer = answer
        with caplog.at_level(logging.ERROR, "netra.connection"):
            connection.received(execute("one", id="e1"))
        await turns()
        (frame,) = wire.said
        assert (frame["error"], frame["error_id"], frame["id"]) == ("internal", "err_1", "e1")
        assert "secret" not in json.dumps(frame)
        assert caplog.records[0].error_id == "err_1"  # type: ignore[attr-defined]
        assert "the inner secret" in caplog.text
        assert wire.closed == []

    async def test_a_token_that_does_not_count_is_told_and_closes(self, room: Any, turns: Any, close_code: Any) -> None:
        connection, wire = await room.connect(authenticated=False)

        async def answer(what: str, asked: Any) -> None:
            raise AuthenticationRefused("No.", point=AUTH_SIGNATURE)

        room.handlers.answer = answer
        connection.received('{"type":"authenticate","token":"t"}')
        await turns()
        assert [frame["error"] for frame in wire.said] == ["unauthenticated"]
        assert wire.closed == [close_code("unauthenticated")]
