"""The connection of one request, over a whole runtime."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from netra_backend.app.core.errors import LimitRefused, NetraError, NotFound
from netra_backend.app.core.events import TERMINAL, AgentCompleted, AnyEvent
from netra_backend.app.core.frames import ExecuteAgent
from netra_backend.app.core.identity import BASE_SCOPES, Identity
from netra_backend.app.core.limits import Limits
from netra_backend.app.server.runtime import Runtime
from netra_backend.app.web.doors.device import Closed, Device, Devices
from test_framework.ids import new_id
from test_framework.served import Served, serve


@asynccontextmanager
async def device_of(runtime: Runtime, user_id: str) -> AsyncIterator[Device]:
    devices = Devices(runtime.managers, runtime.connections, runtime.mint, runtime.runs.start)
    identity = Identity(user_id, BASE_SCOPES, None, runtime.clock.now_ms())
    device, close = await devices.open(identity, "127.0.0.1")
    try:
        yield device
    finally:
        close()


async def to_the_end(device: Device) -> list[AnyEvent]:
    events: list[AnyEvent] = []
    while not events or not isinstance(events[-1], TERMINAL):
        events += await device.next(20.0)
    return events


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path / "data", limits=Limits(connections=2)) as server:
        yield server


async def test_it_gets_each_event_of_its_run_once_and_in_order(served: Served) -> None:
    user_id = new_id("user")
    async with device_of(served.runtime, user_id) as device:
        accepted = await device.start(ExecuteAgent("echo", "hello"))
        events = await to_the_end(device)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert {event.run_id for event in events} == {accepted.run_id}
    assert isinstance(events[-1], AgentCompleted)
    assert len(served.runtime.connections) == 0


async def test_a_run_that_was_begun_before_is_read_from_its_beginning(served: Served) -> None:
    user_id = new_id("user")
    async with device_of(served.runtime, user_id) as first:
        await first.start(ExecuteAgent("echo", "hello", "key-1"))
        whole = await to_the_end(first)
    async with device_of(served.runtime, user_id) as device:
        await device.start(ExecuteAgent("echo", "hello", "key-1"))
        assert await to_the_end(device) == whole


async def test_what_came_live_before_it_was_asked_for_comes_again_in_its_place(served: Served) -> None:
    user_id = new_id("user")
    async with device_of(served.runtime, user_id) as first, device_of(served.runtime, user_id) as later:
        accepted = await first.start(ExecuteAgent("echo", "hello"))
        whole = await to_the_end(first)  # the other one received all of it live, perhaps without the beginning
        later.attach(accepted.run_id or "", accepted.thread_id or "", accepted.epoch or "", accepted.seq or 0)
        assert await to_the_end(later) == whole


async def test_events_of_another_run_of_its_user_are_none_of_its_business(served: Served) -> None:
    user_id = new_id("user")
    async with device_of(served.runtime, user_id) as one, device_of(served.runtime, user_id) as two:
        accepted = [await one.start(ExecuteAgent("echo", "one")), await two.start(ExecuteAgent("echo", "two"))]
        for device, each in zip((one, two), accepted, strict=True):
            assert {event.run_id for event in await to_the_end(device)} == {each.run_id}


async def test_what_is_refused_is_raised(served: Served) -> None:
    user_id = new_id("user")
    async with device_of(served.runtime, user_id) as device:
        with pytest.raises(NotFound):
            await device.start(ExecuteAgent("nobody", "hello"))
        async with device_of(served.runtime, user_id):
            with pytest.raises(LimitRefused):
                await device_of(served.runtime, user_id).__aenter__()


async def test_it_is_closed_with_the_sign_in(served: Served) -> None:
    user_id = new_id("user")
    async with device_of(served.runtime, user_id) as device:
        await device.start(ExecuteAgent("patient", "hello"))
        await served.runtime.revocations.revoke(user_id, served.runtime.clock.now_ms() + 1)
        with pytest.raises(Closed, match="revoked"):
            await to_the_end(device)


async def test_none_is_opened_while_the_server_goes_away(served: Served) -> None:
    served.runtime.connections.is_draining = True
    with pytest.raises(NetraError) as refused:
        await device_of(served.runtime, new_id("user")).__aenter__()
    assert refused.value.entry.id == "draining"
    served.runtime.connections.is_draining = False
