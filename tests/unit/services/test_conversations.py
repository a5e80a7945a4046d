"""Who owns a thread is decided in one place: by the first message, for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.core.errors import IsolationRefused, LimitRefused, NotFound
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.quotas import Quotas
from netra_backend.app.services.conversations import TITLE_CHARACTERS, Conversations, title_of
from test_framework.clock import ManualClock, SeededEntropy
from test_framework.ids import new_id
from test_framework.log_story import LogStory
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.shared_log import SharedMemoryLog
from test_framework.memory.store import MemoryStore


@pytest.fixture
async def story(clock: ManualClock) -> LogStory:
    told = LogStory()
    told.tell(MemoryEventLog(MemoryStore(), clock, asyncio.get_running_loop(), told.publish, told.failed))
    return told


@pytest.fixture
def conversations(story: LogStory, clock: ManualClock, entropy: SeededEntropy) -> Conversations:
    return Conversations(story.log, clock, entropy, new_id, Quotas(Limits(claim_burst=3, claim_rate=1.0)))


async def test_the_first_message_makes_a_thread_its_users(conversations: Conversations, story: LogStory) -> None:
    head = await conversations.claim("user_ada", "thr_1", "How much  did\nwe spend?")
    assert (head.owner, head.thread_id, head.title) == ("user_ada", "thr_1", "How much did we spend?")
    assert len(head.epoch) == 16
    assert await conversations.claim("user_ada", "thr_1", "again") is head
    made = await conversations.claim("user_ada", None, "another")
    assert made.thread_id.startswith("thr_")
    assert made.epoch != head.epoch


@pytest.mark.validation_point("thread.claim")
async def test_nobody_else_gets_it_ever_not_even_when_it_is_deleted(
    conversations: Conversations, story: LogStory
) -> None:
    head = await conversations.claim("user_ada", "thr_1", "mine")
    story.write(run := story.run(head))
    await story.log.durable(run)
    for _ in range(2):
        seen: Any = None
        try:
            await conversations.claim("user_bob", "thr_1", "mine now")
        except IsolationRefused as refusal:
            seen = (refusal.entry.id, refusal.field)
        assert seen == ("isolation_violation", "thread_id")
        if head.owner:
            await story.log.delete_thread(head)
    with pytest.raises(IsolationRefused, match="SSOT isolation"):
        await conversations.claim("user_ada", "thr_1", "back")


@pytest.mark.validation_point("limit.threads")
async def test_guessing_at_threads_is_limited(conversations: Conversations, clock: ManualClock) -> None:
    for n in range(3):
        await conversations.claim("user_ada", f"thr_{n}", "m")
    with pytest.raises(LimitRefused, match="Too many new threads"):
        await conversations.claim("user_ada", "thr_3", "m")
    await conversations.claim("user_ada", "thr_0", "known threads cost nothing")
    await conversations.claim("user_ada", None, "nor do those that we name")
    await conversations.claim("user_bob", "thr_3", "nor others")
    clock.advance(s=1)
    await conversations.claim("user_ada", "thr_4", "m")


@pytest.mark.validation_point("thread.owned", "run.owned")
async def test_what_is_anothers_answers_as_what_is_not_there(conversations: Conversations, story: LogStory) -> None:
    run = await story.ended("user_ada", "secret")
    assert await conversations.owned_thread("user_ada", run.head.thread_id) is run.head
    assert (await conversations.owned_run("user_ada", run.run_id)).run_id == run.run_id
    told = []
    for ask in (
        conversations.owned_thread("user_bob", run.head.thread_id),
        conversations.owned_thread("user_bob", "thr_absent"),
        conversations.owned_run("user_bob", run.run_id),
        conversations.owned_run("user_bob", "run_absent"),
    ):
        seen: Any = None
        try:
            await ask
        except NotFound as refusal:
            seen = (refusal.message, refusal.field, refusal.hint)
        told.append(seen)
    assert None not in told
    assert told[0] == told[1] == ("There is no such thread.", "thread_id", told[0][2])
    assert told[2] == told[3] == ("There is no such run.", "run_id", told[2][2])


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("short", "short"),
        ("  two \n lines ", "two lines"),
        ("word " * 40, ("word " * 15).strip() + "…"),
        ("x" * 200, "x" * (TITLE_CHARACTERS - 1) + "…"),
    ],
)
def test_a_title_is_the_beginning_of_the_message_cut_at_a_word(message: str, title: str) -> None:
    assert title_of(message) == title
    assert len(title_of(message)) <= TITLE_CHARACTERS


async def test_a_thread_that_its_owner_began_at_another_process_is_not_a_strangers_who_came_later(
    clock: ManualClock, entropy: SeededEntropy
) -> None:
    store, stories = MemoryStore(), [LogStory(), LogStory()]
    for number, told in enumerate(stories):
        loop = asyncio.get_running_loop()
        told.tell(SharedMemoryLog(store, f"prc_{number}", clock, loop, told.publish, told.failed))
    here, there = (
        Conversations(told.log, clock, entropy, new_id, Quotas(Limits(claim_burst=3, claim_rate=1.0)))
        for told in stories
    )
    others = await here.claim("user_bob", "thr_1", "mine")
    owners = await there.claim("user_ada", "thr_1", "mine")
    stories[1].write(run := stories[1].run(owners))
    await stories[1].log.durable(run)
    claimed = await here.claim("user_ada", "thr_1", "and another one")
    assert (claimed.owner, claimed.top, claimed.fence) == ("user_ada", 1, 0)
    assert stories[0].log.known("thr_1") is others
    with pytest.raises(IsolationRefused):
        await there.claim("user_bob", "thr_1", "mine")
