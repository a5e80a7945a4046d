"""Keys of requests. What they do for a user: ``tests/unit/test_turn.py``, ``tests/unit/fleet``."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.core.errors import DependencyUnavailable, NotFound
from netra_backend.app.core.frames import Accepted
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.quotas import Quotas
from netra_backend.app.runs.accepted_requests import KEY_LIFETIME_MS, AcceptedRequests
from netra_backend.app.services.conversations import Conversations
from test_framework.clock import ManualClock, SeededEntropy
from test_framework.ids import new_id
from test_framework.log_story import LogStory
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.store import MemoryStore


class AcceptedRequestsStory(LogStory):
    """A log and the keys of its requests."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.memory = MemoryEventLog(
            MemoryStore(), self.clock, asyncio.get_running_loop(), self.publish, self.failures.append
        )
        self.tell(self.memory)
        conversations = Conversations(self.memory, self.clock, SeededEntropy("keys"), new_id, Quotas(Limits()))
        self.requests = AcceptedRequests(self.memory, conversations, self.clock)


@pytest.fixture
async def requester() -> AcceptedRequestsStory:
    return AcceptedRequestsStory()


async def test_an_answer_is_given_again_once_it_is_committed(requester: AcceptedRequestsStory) -> None:
    run = requester.run(requester.thread(), key="k1", created_ms=requester.clock.now_ms())
    requester.write(run)
    requester.requests.keep("user_ada", "k1", run)
    assert requester.requests.is_recent("user_ada", "k1")
    assert not requester.requests.is_recent("user_bob", "k1")
    asking = asyncio.create_task(requester.requests.first_answer("user_ada", "k1"))
    await asyncio.sleep(0)
    assert not asking.done()
    head = run.head
    assert await asking == Accepted("k1", head.thread_id, head.epoch, run.run_id, 1)
    assert head.durable == 1


async def test_what_is_only_in_the_store_is_found_there_for_a_day(requester: AcceptedRequestsStory) -> None:
    run = requester.run(requester.thread(), key="k1", created_ms=requester.clock.now_ms())
    requester.write(run)
    await requester.log.durable(run)
    found = await requester.requests.first_answer("user_ada", "k1")
    assert found is not None
    assert found.run_id == run.run_id
    requester.requests.keep("user_ada", "k1", run)
    requester.clock.advance(ms=KEY_LIFETIME_MS + 1)
    assert await requester.requests.first_answer("user_ada", "k1") is None
    assert not requester.requests.is_recent("user_ada", "k1")


async def test_a_thread_that_is_begun_here_and_elsewhere_at_once_is_asked_for_again_later(
    requester: AcceptedRequestsStory,
) -> None:
    run = requester.run(requester.thread(), key="k1", created_ms=requester.clock.now_ms())
    requester.write(run)
    await requester.log.durable(run)
    run.head.durable = 0  # as it is here where another process has begun and stored the same thread
    with pytest.raises(DependencyUnavailable):
        await requester.requests.first_answer("user_ada", "k1")
    run.head.owner = ""  # and so it is where the thread was deleted
    with pytest.raises(NotFound):
        await requester.requests.first_answer("user_ada", "k1")


async def test_keys_can_be_forgotten(requester: AcceptedRequestsStory) -> None:
    head = requester.thread()
    for key in ("k1", "k2"):
        requester.requests.keep("user_ada", key, requester.run(head, key=key))
    requester.requests.keep("user_bob", "k1", requester.run(head, key="k1"))
    requester.requests.drop("user_ada", "k1")
    assert not requester.requests.is_recent("user_ada", "k1")
    requester.requests.forget_owner("user_ada")
    assert not requester.requests.is_recent("user_ada", "k2")
    assert requester.requests.is_recent("user_bob", "k1")


async def test_a_log_that_is_down_is_said_to_be(requester: AcceptedRequestsStory) -> None:
    run = requester.run(requester.thread(), key="k1", created_ms=requester.clock.now_ms())
    requester.write(run)
    requester.requests.keep("user_ada", "k1", run)
    requester.memory.abandon()
    with pytest.raises(DependencyUnavailable):
        await requester.requests.first_answer("user_ada", "k1")
