"""Events that wait for their reader."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.core.events import AgentThinking
from netra_backend.client.errors import Closed
from netra_backend.client.thread_events import MAX_WAITING, ThreadEvents


def _event(seq: int) -> AgentThinking:
    return AgentThinking("thread-1", "run-1", seq, 0, text="")


async def test_events_come_out_in_order() -> None:
    events = ThreadEvents()
    for seq in (1, 2, 3):
        await events.put(_event(seq))
    assert [(await events.get()).seq for _ in range(3)] == [1, 2, 3]


async def test_a_reader_waits_for_the_next_event() -> None:
    events = ThreadEvents()
    reading = asyncio.create_task(events.get())
    await asyncio.sleep(0)
    assert not reading.done()
    await events.put(_event(1))
    assert (await reading).seq == 1


async def test_a_full_queue_holds_its_writer_back_until_something_is_read() -> None:
    events = ThreadEvents()
    for seq in range(MAX_WAITING):
        await events.put(_event(seq))
    writing = asyncio.create_task(events.put(_event(MAX_WAITING)))
    await asyncio.sleep(0)
    assert not writing.done()
    await events.get()
    await writing


async def test_what_waits_is_read_before_the_end_is_told() -> None:
    events = ThreadEvents()
    await events.put(_event(1))
    await events.end(Closed(4503, "revoked"))
    assert (await events.get()).seq == 1
    with pytest.raises(Closed, match="revoked"):
        await events.get()
