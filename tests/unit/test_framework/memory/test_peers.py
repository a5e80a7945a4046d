"""The line between processes within one Python process."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.core.errors import DependencyUnavailable
from test_framework.memory.peers import MemoryPeers, MemoryPeersMember


def joined(line: MemoryPeers, process_id: str, heard: list[bytes]) -> MemoryPeersMember:
    member = line.join(process_id, asyncio.get_running_loop())

    async def answer(command: bytes) -> bytes:
        return process_id.encode() + command

    member.serve(answer, heard.append)
    return member


async def test_one_is_asked_and_all_others_are_told() -> None:
    line, heard = MemoryPeers(), [list[bytes]() for _ in range(3)]
    one, two, _ = [joined(line, f"prc_{n}", each) for n, each in enumerate(heard)]
    assert await one.ask("prc_1", b"!") == b"prc_1!"
    one.broadcast(b"news")
    assert heard == [[], [], []]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert heard == [[], [b"news"], [b"news"]]
    assert await two.processes() == ["prc_0", "prc_1", "prc_2"]


async def test_who_is_cut_off_or_gone_neither_hears_nor_answers() -> None:
    line, heard = MemoryPeers(), list[bytes]()
    one, two = joined(line, "prc_0", []), joined(line, "prc_1", heard)
    line.join("prc_2", asyncio.get_running_loop())
    two.cut_off = True
    one.broadcast(b"news")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for process_id in ("prc_1", "prc_2", "prc_9"):
        with pytest.raises(DependencyUnavailable):
            await one.ask(process_id, b"!")
    assert (heard, await one.processes()) == ([], ["prc_0", "prc_2"])
    two.leave()
    two.leave()
    assert list(line.members) == ["prc_0", "prc_2"]


async def test_an_answer_is_lost_when_the_line_breaks_meanwhile() -> None:
    line = MemoryPeers()
    one, two = joined(line, "prc_0", []), line.join("prc_1", asyncio.get_running_loop())

    async def answer(_: bytes) -> bytes:
        two.cut_off = True
        return b"too late"

    two.serve(answer, lambda _: None)
    with pytest.raises(DependencyUnavailable):
        await one.ask("prc_1", b"!")


async def test_what_is_lost_on_the_way_is_not_heard_and_not_answered() -> None:
    heard: list[bytes] = []
    line = MemoryPeers(lambda: None)
    one = joined(line, "prc_0", [])
    joined(line, "prc_1", heard)
    one.broadcast(b"news")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(DependencyUnavailable):
        await one.ask("prc_1", b"!")
    assert heard == []


async def test_what_was_asked_goes_on_when_who_asked_is_gone() -> None:
    line, done, go_on = MemoryPeers(), asyncio.Event(), asyncio.Event()
    one, two = joined(line, "prc_0", []), line.join("prc_1", asyncio.get_running_loop())

    async def answer(_: bytes) -> bytes:
        await go_on.wait()
        done.set()
        return b""

    two.serve(answer, lambda _: None)
    asking = asyncio.create_task(one.ask("prc_1", b"!"))
    for _ in range(4):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    go_on.set()
    await done.wait()
