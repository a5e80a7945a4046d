"""Processes that ask and tell each other through a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import WRITER
from netra_backend.app.adapters.postgres.lease import PostgresLease
from netra_backend.app.adapters.postgres.mailbox import Outgoing
from netra_backend.app.adapters.postgres.peers import MAX_BODY, PostgresPeers
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.limits import Limits
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


LIMITS = Limits(peer_messages=200)


class Member(PostgresPeers):
    """Answers with its name, and keeps what it hears."""

    def __init__(self, url: str, process_id: str, limits: Limits = LIMITS) -> None:
        super().__init__(url, process_id, limits)
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.serve(self.reply, self.heard.put_nowait)

    async def reply(self, command: bytes) -> bytes:
        if command == b"fail":
            raise RuntimeError("not today")
        return self.process_id.encode() + b":" + command


@pytest.fixture
async def fleet(netra_database: NetraDatabase) -> AsyncIterator[list[Member]]:
    async with AsyncExitStack() as stack:
        members = []
        for name in ("prc_one", "prc_two", "prc_three"):
            member = await Member.open(netra_database.url, name, LIMITS)
            assert isinstance(member, Member)
            stack.push_async_callback(member.close)
            members.append(member)
        yield members


async def test_a_question_is_answered_by_the_process_that_is_asked(fleet: list[Member]) -> None:
    one, _, _ = fleet
    answers = await asyncio.gather(one.ask("prc_two", b"a"), one.ask("prc_three", b"b"), one.ask("prc_two", b"c"))
    assert [*answers] == [b"prc_two:a", b"prc_three:b", b"prc_two:c"]


async def test_processes_that_ask_each_other_at_once_get_each_their_own_answer(fleet: list[Member]) -> None:
    one, two, _ = fleet
    asked = [one.ask("prc_two", b"%d" % n) for n in range(200)] + [two.ask("prc_one", b"%d" % n) for n in range(200)]
    answers = await asyncio.gather(*asked)
    assert answers == [b"prc_two:%d" % n for n in range(200)] + [b"prc_one:%d" % n for n in range(200)]


async def test_what_is_told_is_heard_by_every_other_process_once_and_in_order(fleet: list[Member]) -> None:
    one, two, three = fleet
    for n in range(20):
        one.broadcast(b"%d" % n)
    for member in (two, three):
        assert [await member.heard.get() for _ in range(20)] == [b"%d" % n for n in range(20)]
    await two.ask("prc_one", b"a later letter")
    assert one.heard.empty()
    assert two.heard.empty()


async def test_a_process_that_cannot_answer_is_told_of_at_once(fleet: list[Member]) -> None:
    with pytest.raises(DependencyUnavailable, match="could not"):
        await fleet[0].ask("prc_two", b"fail")


async def test_a_message_of_a_kind_that_is_not_known_ends_no_question_of_its_number(fleet: list[Member]) -> None:
    """Each process numbers its own questions, so a newer kind of question may have the number of one of ours."""
    one, two, three = fleet
    asked, answered = asyncio.Event(), asyncio.Event()

    async def late(command: bytes) -> bytes:
        asked.set()
        await answered.wait()
        return command

    two.serve(late, two.heard.put_nowait)
    question = asyncio.create_task(one.ask("prc_two", b"a"))
    await asked.wait()
    (number,) = one._asked
    three._post(Outgoing("prc_one", number, b"~of tomorrow"))
    assert await three.ask("prc_one", b"b") == b"prc_one:b"
    answered.set()
    assert await question == b"a"


async def test_a_process_that_is_not_there_is_told_of_in_time(netra_database: NetraDatabase) -> None:
    alone = await PostgresPeers.open(netra_database.url, "prc_alone", Limits(peer_s=0.2))
    try:
        with pytest.raises(DependencyUnavailable, match="does not answer"):
            await alone.ask("prc_gone", b"a")
        assert alone._asked == {}
    finally:
        await alone.close()


async def test_what_is_too_much_is_refused_or_dropped_and_counted(fleet: list[Member]) -> None:
    one = fleet[0]
    with pytest.raises(DependencyUnavailable, match="Too many requests"):
        await one.ask("prc_two", b"x" * (MAX_BODY + 1))
    one.broadcast(b"x" * (MAX_BODY + 1))
    for _ in range(LIMITS.peer_messages + 5):
        one.broadcast(b"x")
    assert one.dropped == 6


async def test_letters_cross_again_when_the_connections_that_listened_are_cut(
    fleet: list[Member], netra_database: NetraDatabase
) -> None:
    one, _, three = fleet
    assert await one.ask("prc_two", b"before") == b"prc_two:before"
    admin = await asyncpg.connect(netra_database.admin_url)
    try:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database() AND application_name = 'netra'"
        )
    finally:
        await admin.close()
    one.broadcast(b"while nobody listens")
    assert await three.heard.get() == b"while nobody listens"
    assert await one.ask("prc_two", b"after") == b"prc_two:after"


async def test_letters_to_one_process_leave_nothing_behind(fleet: list[Member], netra_database: NetraDatabase) -> None:
    await fleet[0].ask("prc_two", b"a secret")
    admin = await asyncpg.connect(netra_database.admin_url)
    try:
        assert await admin.fetchval("SELECT count(*) FROM netra.mailbox") == 0
    finally:
        await admin.close()


async def test_the_living_processes_are_those_with_a_lease(netra_database: NetraDatabase) -> None:
    async def lapsed() -> None:
        raise AssertionError("no lease runs out here")

    lines = PostgresConnectionPool(netra_database.url, WRITER, 2)
    fleet = await PostgresPeers.open(netra_database.url, "prc_one")
    leases = [PostgresLease(lines, name, lapsed) for name in ("prc_one", "prc_two")]
    try:
        for lease in leases:
            await lease.take()
        assert await fleet.processes() == ["prc_one", "prc_two"]
        await leases[1].give_up()
        assert await fleet.processes() == ["prc_one"]
    finally:
        await leases[0].give_up()
        await fleet.close()
        await lines.close()
