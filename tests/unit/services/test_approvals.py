"""A call that waits for its user's word: the first word counts, in time, about these very arguments."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.core.errors import NotFound
from netra_backend.app.core.events import ApprovalRequested, ApprovalResolved, Event, encode_event
from netra_backend.app.services.approvals import (
    Approvals,
    Decision,
    PendingApproval,
    approval_id_of,
    hash_arguments,
    in_the_log,
    run_id_of,
)
from test_framework.clock import ManualClock
from test_framework.log_story import LogStory
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.store import MemoryStore

NOTHING: dict[str, Any] = {"recorded": lambda: None}


def pending(approval_id: str = "apr_1", owner: str = "user_ada", expires_at_ms: int = 10_000_000) -> PendingApproval:
    word = asyncio.get_running_loop().create_future()
    hashed = hash_arguments("pay", {"amount": 7})
    return PendingApproval(owner, "thr_1", "run_1", approval_id, "pay", {"amount": 7}, hashed, expires_at_ms, word)


async def waiting(approvals: Approvals, call: PendingApproval, now_ms: int = 0) -> asyncio.Task[Decision]:
    task = asyncio.create_task(approvals.wait(call, now_ms))
    await asyncio.sleep(0)
    return task


async def test_the_word_reaches_the_call_that_waits() -> None:
    approvals, call, recorded = Approvals(), pending(), [""]
    task = await waiting(approvals, call)
    assert approvals.of("user_ada") == [call]
    assert approvals.waiting_runs() == {"run_1"}
    approvals.resolve("user_ada", "apr_1", "approve", call.arguments_hash, "conn_1", lambda: recorded.append("told"))
    decision = await task
    assert (decision.decision, decision.by) == ("approve", "conn_1")
    assert decision.recorded is not None
    decision.recorded()
    assert recorded == ["", "told"]
    assert approvals.of("user_ada") == []
    assert approvals.waiting_runs() == set()


@pytest.mark.validation_point("approval.open")
@pytest.mark.parametrize(
    "wrong", [{"owner": "user_bob"}, {"approval_id": "apr_2"}, {"arguments_hash": "0" * 64}], ids=str
)
async def test_a_word_that_does_not_fit_is_refused_and_the_call_goes_on_waiting(wrong: dict[str, Any]) -> None:
    approvals, call = Approvals(), pending()
    task = await waiting(approvals, call)
    said = {"owner": "user_ada", "approval_id": "apr_1", "arguments_hash": call.arguments_hash} | wrong
    seen = ""
    try:
        approvals.resolve(**said, decision="approve", by="conn_1", **NOTHING)
    except (NotFound, AttributeError) as refusal:
        seen = str(refusal)
    assert seen == "There is no such pending approval."
    assert not task.done()
    task.cancel()


@pytest.mark.validation_point("approval.open")
async def test_the_first_word_counts() -> None:
    approvals, call = Approvals(), pending()
    task = await waiting(approvals, call)
    approvals.resolve("user_ada", "apr_1", "deny", call.arguments_hash, "conn_1", **NOTHING)
    seen = ""
    try:
        approvals.resolve("user_ada", "apr_1", "approve", call.arguments_hash, "conn_2", **NOTHING)
    except (NotFound, asyncio.InvalidStateError) as refusal:
        seen = type(refusal).__name__
    assert seen == "NotFound"
    assert (await task).decision == "deny"


async def test_a_call_whose_time_is_over_has_expired() -> None:
    decision = await Approvals().wait(pending(expires_at_ms=500), 500)
    assert (decision.decision, decision.by, decision.recorded) == ("expired", "expiry", None)


async def test_a_word_in_the_moment_of_expiry_counts() -> None:
    approvals, call = Approvals(), pending(expires_at_ms=500)
    call.word.set_result(Decision("approve", "conn_1"))
    assert (await approvals.wait(call, 500)).decision == "approve"


async def test_a_call_that_is_cancelled_waits_no_more() -> None:
    approvals, call = Approvals(), pending()
    task = await waiting(approvals, call)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert approvals.of("user_ada") == []


async def test_calls_are_listed_to_their_owner_oldest_first() -> None:
    approvals = Approvals()
    calls = [pending("apr_1"), pending("apr_2", "user_bob"), pending("apr_3")]
    tasks = [await waiting(approvals, call) for call in calls]
    assert approvals.of("user_ada") == [calls[0], calls[2]]
    for task in tasks:
        task.cancel()


def test_a_hash_is_of_the_tool_and_of_its_arguments_whatever_their_order() -> None:
    one = hash_arguments("pay", {"a": 1, "b": [2, 3]})
    assert one == hash_arguments("pay", {"b": [2, 3], "a": 1})
    assert len({one, hash_arguments("get", {"a": 1, "b": [2, 3]}), hash_arguments("pay", {"a": 1, "b": [3, 2]})}) == 3


async def test_the_same_word_said_again_is_answered_when_it_is_recorded_and_another_one_is_refused() -> None:
    approvals, call, told = Approvals(), pending(), list[str]()
    task = await waiting(approvals, call)
    for name in ("first", "second"):
        approvals.resolve("user_ada", "apr_1", "approve", call.arguments_hash, "c", lambda name=name: told.append(name))  # type: ignore[misc]
    for owner, word in (("user_ada", "deny"), ("user_bob", "approve")):
        with pytest.raises(NotFound):
            approvals.resolve(owner, "apr_1", word, call.arguments_hash, "c", lambda: told.append("never"))
    decision = await task
    assert decision.recorded is not None
    assert told == []
    decision.recorded()
    approvals.resolve("user_ada", "apr_1", "approve", call.arguments_hash, "c", lambda: told.append("third"))
    assert told == ["first", "second", "third"]
    assert approvals.knows("apr_1")
    assert not approvals.knows("apr_2")


async def test_a_word_that_was_said_and_not_recorded_may_be_said_again_when_its_run_asks_again() -> None:
    approvals, call, told = Approvals(), pending(), list[str]()
    task = await waiting(approvals, call)
    approvals.resolve("user_ada", "apr_1", "approve", call.arguments_hash, "c", lambda: told.append("lost"))
    await task
    again = await waiting(approvals, pending())
    approvals.resolve("user_ada", "apr_1", "deny", call.arguments_hash, "c", lambda: told.append("told"))
    decision = await again
    assert decision.recorded is not None
    decision.recorded()
    assert (decision.decision, told) == ("deny", ["told"])


async def test_what_was_said_about_a_run_that_goes_on_elsewhere_was_never_said() -> None:
    approvals, told = Approvals(), list[str]()
    calls = [pending(approval_id_of(run_id, "call_1")) for run_id in ("run_1", "run_2")]
    for call in calls:
        task = await waiting(approvals, call)
        said = ("user_ada", call.approval_id, "approve", call.arguments_hash, "c", lambda: told.append("told"))
        approvals.resolve(*said)
        await task
    approvals.forget("run_1")
    assert [approvals.knows(call.approval_id) for call in calls] == [False, True]
    assert told == []


async def test_an_approvals_id_names_its_run() -> None:
    assert run_id_of(approval_id_of("run_01", "call_2")) == "run_01"
    assert run_id_of("apr_1") == ""


def asked(approval_id: str, arguments_hash: str, seq: int = 1) -> ApprovalRequested:
    return ApprovalRequested(
        "thr_1",
        "run_1",
        seq,
        0,
        approval_id=approval_id,
        call_id="call_1",
        tool="pay",
        arguments={},
        arguments_hash=arguments_hash,
        expires_at=9,
    )


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("decided", [None, "approve", "deny"])
async def test_the_log_tells_what_was_decided(decided: str | None, ended: bool) -> None:
    story = LogStory()
    loop = asyncio.get_running_loop()
    log = MemoryEventLog(MemoryStore(), ManualClock(), loop, story.publish, story.failures.append)
    story.tell(log)
    run = story.run(story.thread())
    ours = approval_id_of(run.run_id, "call_1")
    events: list[Event] = [asked(ours, "h"), asked("apr_of_another_call", "other", 2)]
    if decided is not None:
        events.append(ApprovalResolved("thr_1", "run_1", 3, 0, approval_id=ours, decision=decided, by="c"))
    for event in events:
        log.append(run, encode_event(event), ends=ended and event is events[-1])
    await log.durable(run)
    still_open = "open" if decided is None and not ended else "unknown"
    for decision in ("approve", "deny"):
        wanted = "decided" if decision == decided else still_open
        assert await in_the_log(log, "user_ada", ours, decision, "h") == wanted
        assert await in_the_log(log, "user_ada", ours, decision, "other") == "unknown"
        assert await in_the_log(log, "user_bob", ours, decision, "h") == "unknown"
    assert await in_the_log(log, "user_ada", "apr_unknown", "approve", "h") == "unknown"


def test_half_a_character_counts_as_the_event_shows_it() -> None:
    assert hash_arguments("pay", {"to": "\ud83d"}) == hash_arguments("pay", {"to": "\ufffd"})
