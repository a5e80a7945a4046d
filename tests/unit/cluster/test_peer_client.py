"""What is asked of other processes and what comes of the answer. That it is carried out: ``tests/unit/fleet``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netra_backend.app.cluster.peer_client import PeerClient
from netra_backend.app.core import validation
from netra_backend.app.core.errors import DependencyUnavailable, Fault, NetraError
from netra_backend.app.core.frames import Accepted, ExecuteAgent, ServerFrame
from netra_backend.app.core.peer_messages import (
    Forget,
    ListApprovals,
    ListQuestions,
    NotHere,
    PeerAnswer,
    PeerExecute,
    PeerRefused,
    PeerResolve,
    Revoked,
    Taken,
    Waiting,
    WaitingCall,
    WaitingQuestion,
    WaitingQuestions,
    Work,
    decode_command,
    encode,
)
from netra_backend.app.core.questions import Said
from netra_backend.app.runs.requester import RemoteRequester

WORD = Said("apr_1", {"decision": "deny"}, "0" * 64)
CALL = WaitingCall("apr_1", "thr_1", "run_1", "pay", {}, "0" * 64, 9)
ASKED = WaitingQuestion("qst_run_1.1", "thr_1", "run_1", "Which?", None, 9)
OLDER = PeerRefused("invalid_frame", "No command", "", None, None, validation.COMMAND_SHAPE.id)


class Line:
    """A fleet that answers what it is told to."""

    process_id = "prc_1"

    def __init__(self) -> None:
        self.says: Any = Taken()
        self.living = ["prc_1"]
        self.asked: list[tuple[str, Any]] = []
        self.told: list[Any] = []

    async def ask(self, process_id: str, command: bytes) -> bytes:
        self.asked.append((process_id, decode_command(command)))
        if isinstance(self.says, NetraError):
            raise self.says
        return encode(self.says)

    def broadcast(self, command: bytes) -> None:
        self.told.append(decode_command(command))

    def serve(self, answer: Callable[[bytes], Awaitable[bytes]], hear: Callable[[bytes], None]) -> None:
        """Nobody asks."""

    async def processes(self) -> list[str]:
        return self.living


class Asker:
    connection_id = "conn_1"
    user_id = "user_ada"
    scopes = frozenset({"usage"})
    plan = ""
    agents: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.said: list[ServerFrame] = []

    def say(self, frame: ServerFrame) -> None:
        self.said.append(frame)

    def refuse(self, error: NetraError, id: str | None = None) -> None:
        raise AssertionError(error)


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def peers(line: Line) -> PeerClient:
    return PeerClient(line)


async def test_others_are_there_when_they_were_seen(peers: PeerClient, line: Line) -> None:
    await peers.poll()
    assert not peers.have_others
    line.living = ["prc_1", "prc_2"]
    await peers.poll()
    assert peers.have_others


async def test_a_request_travels_with_its_owner_and_rights_and_its_answer_is_said(
    peers: PeerClient, line: Line
) -> None:
    line.says, asker = Taken(Accepted("k1", "thr_1")), Asker()
    frame = ExecuteAgent("golden", "go", "k1", None, user_id="user_bob", context={"user_id": "user_bob"})
    assert await peers.start("prc_2", asker, frame, "thr_1")
    sent = PeerExecute("user_ada", frozenset({"usage"}), "golden", "go", "k1", "thr_1", "enqueue", "UTC")
    assert (line.asked, asker.said) == ([("prc_2", sent)], [Accepted("k1", "thr_1")])


async def test_a_request_is_answered_while_nothing_of_its_thread_is_told(line: Line) -> None:
    order: list[Any] = []

    @asynccontextmanager
    async def quiet(owner: str, thread_id: str) -> AsyncIterator[None]:
        order.append((owner, thread_id))
        yield
        order.append(list(asker.said))

    line.says, asker = Taken(Accepted("k1")), Asker()
    assert await PeerClient(line, quiet).start("prc_2", asker, ExecuteAgent("golden", "go"), "thr_1")
    assert order == [("user_ada", "thr_1"), [Accepted("k1")]]


async def test_who_does_not_hold_it_says_so(peers: PeerClient, line: Line) -> None:
    line.says, asker = NotHere(), Asker()
    assert not await peers.start("prc_2", asker, ExecuteAgent("golden", "go"), "thr_1")
    assert not await peers.cancel("prc_2", "user_ada", "run_1")
    assert not await peers.answer("prc_2", "user_ada", WORD, "k1", "conn_1")
    assert not await peers.delete_thread("prc_2", "user_ada", "thr_1")
    assert await peers.questions("prc_2", "user_ada") == ()
    assert asker.said == []


async def test_what_is_done_there_is_done(peers: PeerClient, line: Line) -> None:
    assert await peers.cancel("prc_2", "user_ada", "run_1")
    assert await peers.answer("prc_2", "user_ada", WORD, "k1", "conn_1")
    assert await peers.delete_thread("prc_2", "user_ada", "thr_1")
    await peers.end_user("prc_2", "user_ada", "user")
    line.says = WaitingQuestions.of([ASKED])
    assert await peers.questions("prc_2", "user_ada") == (ASKED,)
    assert {command.owner for _, command in line.asked} == {"user_ada"}


async def test_a_request_of_another_process_is_not_sent_on(peers: PeerClient, line: Line) -> None:
    requester = RemoteRequester("user_ada")
    assert await peers.start("prc_2", requester, ExecuteAgent("golden", "go"), "thr_1")
    assert (await requester.answer, line.asked) == (NotHere(), [])


async def test_a_refusal_is_raised(peers: PeerClient, line: Line) -> None:
    line.says = PeerRefused("run_limit", "At most 2 runs at once.", "wait", None, 1000, "limit.runs")
    with pytest.raises(NetraError, match="At most 2 runs"):
        await peers.cancel("prc_2", "user_ada", "run_1")
    assert await peers.questions("prc_2", "user_ada") == ()


async def test_no_answer_is_a_fault(peers: PeerClient, line: Line) -> None:
    line.says = DependencyUnavailable("silence")
    with pytest.raises(Fault):
        await peers.end_user("prc_2", "user_ada", "user")
    assert await peers.questions("prc_2", "user_ada") == ()


async def test_what_concerns_all_is_told(peers: PeerClient, line: Line) -> None:
    peers.forget(["thr_1"])
    peers.forget([])
    peers.offer_work()
    peers.revoked("user_ada", 7)
    assert line.told == [Forget(("thr_1",)), Work(), Revoked("user_ada", 7)]


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (WORD, PeerResolve("user_ada", "apr_1", "deny", "0" * 64, "k1", "c")),
        (Said("qst_run_1.1", "blue"), PeerAnswer("user_ada", "qst_run_1.1", b'"blue"', "k1", "c", version=3)),
        (
            Said("apr_1", {"decision": "deny", "reason": "no"}, "h"),
            PeerAnswer(
                "user_ada", "apr_1", b'{"decision":"deny","reason":"no","arguments_hash":"h"}', "k1", "c", version=3
            ),
        ),
    ],
)
async def test_a_plain_decision_is_said_as_processes_of_0_1_0_understand_it(
    peers: PeerClient, line: Line, said: Said, sent: Any
) -> None:
    assert await peers.answer("prc_2", "user_ada", said, "k1", "c")
    assert line.asked == [("prc_2", sent)]


async def test_a_process_of_0_1_0_is_asked_for_its_approvals(peers: PeerClient, line: Line) -> None:
    async def ask(process_id: str, command: bytes) -> bytes:
        asked.append(decode_command(command))
        return encode(OLDER if isinstance(asked[-1], ListQuestions) else Waiting((CALL,)))

    asked: list[Any] = []
    line.ask = ask  # type: ignore[method-assign]
    assert await peers.questions("prc_2", "user_ada") == (WaitingQuestion.about(CALL),)
    assert asked == [ListQuestions("user_ada", version=3), ListApprovals("user_ada")]
