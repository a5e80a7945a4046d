"""The application: its life, what time brings about, and the end that it announces."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netra_backend.app.server.application import Application, tick
from netra_backend.app.server.runtime import Runtime
from test_framework.local_runtime import connected_user
from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestLife:
    async def test_a_start_that_fails_is_told_to_the_server_and_opens_nothing(self) -> None:
        @asynccontextmanager
        async def broken(_: Application) -> AsyncIterator[Runtime]:
            raise OSError("no such disk")
            yield

        application = Application(broken)
        told: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "lifespan.startup"}

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        with pytest.raises(OSError, match="no such disk"):
            await application({"type": "lifespan"}, receive, send)
        assert told == [{"type": "lifespan.startup.failed", "message": "no such disk"}]
        assert application.runtime is None

    async def test_nothing_is_served_before_it_has_begun(self) -> None:
        def never(_: Application) -> Any:
            raise AssertionError

        application = Application(never)

        async def nothing(*_: Any) -> Any:
            raise AssertionError

        with pytest.raises(AssertionError, match="did not run the lifespan protocol"):
            await application({"type": "http", "path": "/"}, nothing, nothing)
        await application.drain()

    async def test_after_its_end_it_is_told_whether_the_log_had_failed(self, serve_with: Any) -> None:
        async with serve_with() as served:
            application = served.application
            assert served.runtime.log.failed is False
        assert (application.runtime, application.failed) == (None, False)


class TestTime:
    async def test_a_tick_beats_and_calls_what_the_process_does_among_others(self, served: Served) -> None:
        runtime = served.runtime
        async with connected_user(runtime, served.user().id) as device:
            later = Later(runtime.clock, runtime.clock.monotonic() + 21)
            ticked: list[float] = []
            tick(dataclasses.replace(runtime, clock=later, on_tick=ticked.append), served.http_application)
            assert ticked == [later.monotonic()]
            assert (await device.wire.until("heartbeat"))["type"] == "heartbeat"


class Later:
    """A clock that is ahead."""

    def __init__(self, clock: Any, monotonic: float) -> None:
        self._clock = clock
        self._monotonic = monotonic

    def now_ms(self) -> int:
        return int(self._clock.now_ms())

    def monotonic(self) -> float:
        return self._monotonic


class TestDrain:
    async def test_it_takes_nothing_new_lets_runs_end_and_says_goodbye(self, serve_with: Any) -> None:
        async with serve_with() as served:
            user = served.user()
            async with served.running(user, "agent_thinking", agent="patient") as (device, _):
                impatient = dataclasses.replace(served.runtime.settings.limits, drain_s=0.0)
                object.__setattr__(served.runtime.settings, "limits", impatient)
                await served.application.drain()
                assert (await device.wire.until("drain"))["after_ms"] == 0
                assert device.wire.closed == (1012, "draining")
                await served.application.drain()
                assert served.runtime.connections.is_draining
                unfinished = await served.runtime.log.take_over(9)
                assert [run.owner for run in unfinished] == [user.id]
