"""What the line between processes promises (``ports.Fleet``) while nothing goes wrong with it: one suite over all adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from netra_backend.app.adapters.postgres.connection import WRITER
from netra_backend.app.adapters.postgres.lease import PostgresLease
from netra_backend.app.adapters.postgres.peers import PostgresPeers
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.cluster.command_handler import PeerCommandHandler
from netra_backend.app.cluster.peer_client import PeerClient
from netra_backend.app.core import validation
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.peer_messages import VERSION, Forget, PeerRefused, Taken, Work, decode_answer, encode
from netra_backend.app.ports import Fleet
from test_framework.memory.peers import MemoryPeers
from test_framework.service_clients import Prepared, own_netra_database

PATIENCE_S = 20


class Process:
    """One process on the line: it answers with its name, and keeps what it hears."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        fleet.serve(self.answer, self.heard.put_nowait)

    async def answer(self, command: bytes) -> bytes:
        if command == b"fail":
            raise RuntimeError("not today")
        return self.fleet.process_id.encode() + b":" + command

    async def hears(self, count: int) -> list[bytes]:
        """The next letters."""
        async with asyncio.timeout(PATIENCE_S):
            return [await self.heard.get() for _ in range(count)]


Join = Callable[[str], Awaitable[Process]]


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.real_services)])
def place(request: pytest.FixtureRequest) -> Prepared | None:
    """Where the line is in a database; ``None``: in memory."""
    return None if request.param == "memory" else request.getfixturevalue("prepared_postgres")


@pytest.fixture
async def join(place: Prepared | None) -> AsyncIterator[Join]:
    """Makes one more living process on the line."""
    async with AsyncExitStack() as stack:
        if place is None:
            line = MemoryPeers()

            async def one_more(process_id: str) -> Process:
                return Process(line.join(process_id, asyncio.get_running_loop()))
        else:
            database = await stack.enter_async_context(own_netra_database(place))

            async def one_more(process_id: str) -> Process:
                lines = PostgresConnectionPool(database.url, WRITER, 1)
                stack.push_async_callback(lines.close)
                lease = PostgresLease(lines, process_id, _nothing)
                await lease.take()
                stack.push_async_callback(lease.give_up)
                fleet = await PostgresPeers.open(database.url, process_id)
                stack.push_async_callback(fleet.close)
                return Process(fleet)

        yield one_more


async def _nothing() -> None:
    """A lease lasts as long as a test."""


async def test_who_is_asked_answers_and_each_question_gets_its_own_answer(join: Join) -> None:
    one, two, _ = [await join(name) for name in ("prc_one", "prc_two", "prc_three")]
    asked = [("prc_two", b"a"), ("prc_three", b"b"), ("prc_two", b"")]
    answers = await asyncio.gather(*(one.fleet.ask(*each) for each in asked), two.fleet.ask("prc_one", b"c"))
    assert answers == [b"prc_two:a", b"prc_three:b", b"prc_two:", b"prc_one:c"]


async def test_what_is_told_is_heard_by_every_other_process_once_and_in_order(join: Join) -> None:
    one, two, three = [await join(name) for name in ("prc_one", "prc_two", "prc_three")]
    told = [b"%d \x00\xff" % number for number in range(20)]
    for each in told:
        one.fleet.broadcast(each)
    assert await two.hears(20) == await three.hears(20) == told
    await two.fleet.ask("prc_one", b"a later letter")
    assert [each.heard.qsize() for each in (one, two, three)] == [0, 0, 0]


async def test_one_that_cannot_answer_is_unavailable_and_answers_the_next(join: Join) -> None:
    one, _ = [await join(name) for name in ("prc_one", "prc_two")]
    with pytest.raises(DependencyUnavailable):
        await one.fleet.ask("prc_two", b"fail")
    assert await one.fleet.ask("prc_two", b"a") == b"prc_two:a"


async def test_the_living_processes_are_known_to_each(join: Join) -> None:
    one, two = [await join(name) for name in ("prc_one", "prc_two")]
    assert sorted(await one.fleet.processes()) == sorted(await two.fleet.processes()) == ["prc_one", "prc_two"]


@pytest.fixture
async def versions(join: Join) -> tuple[Process, asyncio.Event]:
    """A process that asks, of any version, and what tells that the other, ``prc_today``, looks for work."""
    asker, today = await join("prc_other"), await join("prc_today")
    looks = asyncio.Event()
    nothing: Any = None  # of which nothing is asked here
    handler = PeerCommandHandler(nothing, nothing, nothing, looks.set)
    today.fleet.serve(handler.answer, handler.on_message)
    return asker, looks


async def test_what_a_process_of_0_1_0_asks_and_tells_is_understood(
    versions: tuple[Process, asyncio.Event], messages_of_0_1_0: dict[str, dict[str, bytes]]
) -> None:
    asker, looks = versions
    commands = messages_of_0_1_0["commands"]
    assert decode_answer(await asker.fleet.ask("prc_today", commands["work"])) == Taken()
    assert looks.is_set()
    looks.clear()
    asker.fleet.broadcast(commands["work"])
    async with asyncio.timeout(PATIENCE_S):
        await looks.wait()


async def test_what_only_a_newer_process_knows_is_refused_and_left_out_and_the_next_is_answered(
    versions: tuple[Process, asyncio.Event],
) -> None:
    asker, looks = versions
    for newer in (Work(version=VERSION + 1), {"do": "of_tomorrow", "version": VERSION + 1}):
        answer = decode_answer(await asker.fleet.ask("prc_today", encode(newer)))
        assert isinstance(answer, PeerRefused)
        assert isinstance(answer.as_error(), DependencyUnavailable)
    asker.fleet.broadcast(encode(Work(version=VERSION + 1)))
    asker.fleet.broadcast(encode({"do": "of_tomorrow", "version": VERSION + 1}))
    assert decode_answer(await asker.fleet.ask("prc_today", encode(Forget(())))) == Taken()
    assert not looks.is_set()


async def test_who_asks_an_older_or_a_newer_process_in_vain_is_told_that_it_is_unavailable(join: Join) -> None:
    asker, older, newer = [await join(name) for name in ("prc_asker", "prc_older", "prc_newer")]

    async def no_command(_: bytes) -> bytes:
        return encode(PeerRefused("invalid_frame", "No command", "", None, None, validation.COMMAND_SHAPE.id))

    async def of_tomorrow(_: bytes) -> bytes:
        return encode({"is": "of_tomorrow", "version": VERSION + 1})

    older.fleet.serve(no_command, older.heard.put_nowait)
    newer.fleet.serve(of_tomorrow, newer.heard.put_nowait)
    peers = PeerClient(asker.fleet)
    for process_id in ("prc_older", "prc_newer"):
        with pytest.raises(DependencyUnavailable, match="different versions"):
            await peers.end_user(process_id, "user_ada", "operator")
        assert await peers.questions(process_id, "user_ada") == ()
