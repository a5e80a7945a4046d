"""Values in PostgreSQL where an answer is lost: what was judged in the sending that was stored is what is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.event_log import PostgresEventLog
from netra_backend.app.core.state import USER, digest_of
from test_framework.clock import ManualClock
from test_framework.log_story import LogStory
from test_framework.service_clients import NetraDatabase
from tests.contract.test_state_contract import write

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


@pytest.fixture
async def story(netra_database: NetraDatabase) -> AsyncIterator[LogStory]:
    story = LogStory()
    story.tell(await PostgresEventLog.open(netra_database.url, "prc_one", ManualClock(), story.publish, story.failed))
    await story.ended()  # its connection is made
    yield story
    await story.log.close()


def texts(story: LogStory, run_id: str) -> list[str]:
    return [json.loads(frame)["text"] for each in story.published if each.run_id == run_id for frame in each.frames]


async def test_a_write_whose_answer_was_lost_is_made_once_and_told_as_it_was_judged(story: LogStory) -> None:
    log: Any = story.log
    writer = log._writer
    make, sent = writer._connect, 0

    class AnswerLost:
        """A connection that breaks after its next commit."""

        def __init__(self, connection: asyncpg.Connection) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

        def transaction(self) -> Any:
            inner = self._connection.transaction()

            class Lost:
                async def __aenter__(self) -> None:
                    await inner.start()

                async def __aexit__(self, kind: Any, *_: object) -> None:
                    nonlocal sent
                    sent += 1
                    writer._connect = make
                    if kind is not None:
                        await inner.rollback()
                        return
                    await inner.commit()
                    raise ConnectionResetError("after the commit")

            return Lost()

    writer._connection = AnswerLost(writer._connection)
    run = story.run(story.thread())
    first = write(story, run, "n", b"1", user=True, expected="")
    await story.log.durable(run)
    assert (sent, first.outcome, texts(story, run.run_id)) == (1, "written", ["written"])
    again = write(story, run, "n", b"2", user=True, expected=digest_of(b"1"))
    await story.log.durable(run)
    assert again.outcome == "written"
    assert await story.log.state.value("user_ada", USER, "n") == b"2"


async def test_a_sending_that_was_still_under_way_counts_and_is_not_judged_again(
    story: LogStory, netra_database: NetraDatabase
) -> None:
    log: Any = story.log
    writer = log._writer
    run = story.run(story.thread())
    story.write(run)
    await story.log.durable(run)

    slow, held = writer._connection, []

    class UnderWay:
        """A connection of which the transaction goes on after its client has given it up."""

        def __getattr__(self, name: str) -> Any:
            return getattr(slow, name)

        def terminate(self) -> None:
            """It lives on, as one does whose peer does not know yet."""

        def transaction(self) -> Any:
            inner = slow.transaction()

            class Held:
                async def __aenter__(self) -> None:
                    await inner.start()

                async def __aexit__(self, *_: object) -> None:
                    held.append(inner)
                    raise ConnectionResetError("before the commit, as it seems")

            return Held()

    connect = writer._connect

    async def connect_and_commit() -> Any:
        connection = await connect()
        if held:  # the first look has found nothing yet; now the first sending is committed
            fetchval = connection.fetchval

            async def looked(*given: Any) -> Any:
                found = await fetchval(*given)
                while held:
                    await held.pop().commit()
                connection_type.fetchval = original
                return found

            connection_type = type(connection)
            original = connection_type.fetchval
            connection_type.fetchval = lambda _, *given: looked(*given)
        return connection

    writer._connect = connect_and_commit
    writer._connection = UnderWay()
    one = write(story, run, "n", b"1", user=True, expected="")
    await story.log.durable(run)
    writer._connect = connect
    assert (one.outcome, texts(story, run.run_id)) == ("written", ["", "written"])  # not a conflict with itself
    assert [json.loads(frame)["text"] for frame in await story.read(run.head)] == ["", "written"]
    slow.terminate()
