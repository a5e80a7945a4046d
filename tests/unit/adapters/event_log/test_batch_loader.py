"""Questions that go together: what is asked meanwhile is asked with the next, and each gets its own answer."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from netra_backend.app.adapters.event_log import batch_loader
from netra_backend.app.adapters.event_log.batch_loader import BatchLoader
from netra_backend.app.core.errors import DependencyUnavailable


class Oracle:
    """Answers a number with its double, one statement at a time, when it is let."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.begun, self.open = asyncio.Event(), asyncio.Event()
        self.open.set()

    async def ask(self, keys: list[int]) -> dict[int, int]:
        self.asked.append(keys)
        self.begun.set()
        await self.open.wait()
        if 13 in keys:
            raise ConnectionError("gone")
        return {key: 2 * key for key in keys if key >= 0}


async def test_what_is_asked_in_one_turn_is_asked_with_one_statement() -> None:
    oracle = Oracle()
    ask = BatchLoader(oracle.ask)
    assert [*await asyncio.gather(ask(1), ask(2), ask(1), ask(-1))] == [2, 4, 2, None]
    assert oracle.asked == [[1, 2, -1]]


async def test_what_is_asked_while_a_statement_is_under_way_is_asked_after_it_once_more() -> None:
    oracle = Oracle()
    oracle.open.clear()
    ask = BatchLoader(oracle.ask)
    first = asyncio.create_task(ask(1))
    await oracle.begun.wait()
    later = [asyncio.create_task(ask(key)) for key in (1, 2)]
    await asyncio.sleep(0)
    oracle.open.set()
    assert [await first, *await asyncio.gather(*later)] == [2, 2, 4]
    assert oracle.asked == [[1], [1, 2]]


async def test_a_statement_that_fails_fails_for_those_who_asked_with_it_alone() -> None:
    oracle = Oracle()
    ask = BatchLoader(oracle.ask)
    outcomes = await asyncio.gather(ask(13), ask(1), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError, ConnectionError]
    assert await ask(1) == 2


async def test_who_goes_away_takes_no_answer_from_others() -> None:
    oracle = Oracle()
    oracle.open.clear()
    ask = BatchLoader(oracle.ask)
    gone, stays = asyncio.create_task(ask(1)), asyncio.create_task(ask(1))
    await oracle.begun.wait()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    oracle.open.set()
    assert await stays == 2


async def test_what_fails_is_no_news_of_those_who_have_gone_and_reaches_those_who_wait() -> None:
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    oracle = Oracle()
    oracle.open.clear()
    ask = BatchLoader(oracle.ask)
    gone = ask(13)
    gone.send(None)
    stays = asyncio.create_task(ask(13))
    await oracle.begun.wait()
    gone.close()  # as a task that is thrown away does: nothing tells the question of it
    oracle.open.set()
    with pytest.raises(ConnectionError):
        await stays
    gc.collect()
    assert told == []


async def test_one_statement_asks_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_loader, "MOST", 2)
    oracle = Oracle()
    ask = BatchLoader(oracle.ask)
    assert await asyncio.gather(*(ask(n) for n in range(5))) == [0, 2, 4, 6, 8]
    assert oracle.asked == [[0, 1], [2, 3], [4]]


async def test_nobody_waits_for_a_question_that_was_given_up() -> None:
    oracle = Oracle()
    oracle.open.clear()
    ask = BatchLoader(oracle.ask)
    first = asyncio.create_task(ask(1))
    await oracle.begun.wait()
    later = asyncio.create_task(ask(2))
    await asyncio.sleep(0)
    assert ask._task is not None
    ask._task.cancel()
    for waiting in (first, later):
        with pytest.raises(DependencyUnavailable):
            await waiting
    oracle.open.set()
    assert await ask(3) == 6
