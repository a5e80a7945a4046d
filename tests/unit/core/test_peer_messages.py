"""What processes ask of each other: it arrives as it was sent, or is refused; refusals are told on as they are."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from netra_backend.app.core import validation
from netra_backend.app.core.errors import (
    DependencyUnavailable,
    Fault,
    FrameRefused,
    InvalidContextError,
    LimitRefused,
    NetraError,
    NotFound,
    Refusal,
)
from netra_backend.app.core.frames import Accepted, ExecuteAgent
from netra_backend.app.core.identity import RevokedToken
from netra_backend.app.core.message_parts import DataPart, TextPart
from netra_backend.app.core.peer_messages import (
    VERSION,
    DeleteThread,
    EndUser,
    Forget,
    ListApprovals,
    ListQuestions,
    NotHere,
    PeerAnswer,
    PeerCancel,
    PeerExecute,
    PeerRefused,
    PeerResolve,
    Revoked,
    Taken,
    TokenRevoked,
    Waiting,
    WaitingCall,
    WaitingQuestion,
    WaitingQuestions,
    Work,
    decode_answer,
    decode_command,
    encode,
)
from netra_backend.app.core.questions import RESPONSE_SCHEMA, Said, said_of

EXECUTE = PeerExecute("user_ada", frozenset({"usage"}), "golden", "go", "k1", "thr_1", "reject", "UTC")
COMMANDS: list[Any] = [
    EXECUTE,
    PeerCancel("user_ada", "run_1"),
    PeerResolve("user_ada", "apr_1", "deny", "0" * 64, None, "conn_1"),
    ListApprovals("user_ada"),
    EndUser("user_ada", "user"),
    DeleteThread("user_ada", "thr_1"),
    Work(),
    Forget(("thr_1", "thr_2")),
    Revoked("user_ada", 7),
]
FULL = PeerExecute.of(
    "user_ada",
    frozenset(),
    ExecuteAgent("golden", parts=(TextPart("go"), DataPart({"n": 1})), supersedes="run_1", client_run_id="mine"),
    "thr_1",
)
NEWER: list[Any] = [
    TokenRevoked.of(RevokedToken("user_ada", "t1", 7)),
    PeerAnswer.of("user_ada", Said("qst_run_1.1", {"n": 10**30}), "k1", "conn_1"),
    FULL,
    ListQuestions("user_ada", version=3),
]
"""Those that 0.1.0 does not know."""
ANSWERS: list[Any] = [
    Taken(Accepted("k1", "thr_1", "e", "run_1", 5)),
    Taken(),
    NotHere(),
    Waiting((WaitingCall("apr_1", "thr_1", "run_1", "pay", {"amount": 7}, "0" * 64, 9),)),
    PeerRefused("not_found", "m", "h", "f", 5, "run.owned"),
    WaitingQuestions.of([WaitingQuestion("qst_run_1.1", "thr_1", "run_1", "?", {"maximum": 10**30}, 9)]),
]


@pytest.mark.parametrize("command", [*COMMANDS, *NEWER], ids=lambda command: type(command).__name__)
def test_a_command_arrives_as_it_was_sent(command: Any) -> None:
    assert decode_command(encode(command)) == command


def test_an_answer_to_a_question_travels_as_its_user_gave_it() -> None:
    said = Said("qst_run_1.1", {"n": 10**30, "x": 1.0})
    assert said_of(PeerAnswer.of("user_ada", said, "k1", "c").frame()) == said
    decided = Said("apr_run_1.1", {"decision": "deny", "reason": "no"}, "h")
    assert said_of(PeerAnswer.of("user_ada", decided, None, "c").frame()) == decided


def test_the_questions_that_wait_travel_whole() -> None:
    asked = WaitingQuestion("qst_run_1.1", "thr_1", "run_1", "?", {"maximum": 10**30}, 9)
    about = WaitingQuestion.about(WaitingCall("apr_1", "thr_1", "run_1", "pay", {"amount": 10**30}, "0" * 64, 9, "why"))
    assert WaitingQuestions.of([asked, about]).list() == (asked, about)
    assert (about.question_id, about.text, about.schema) == ("apr_1", "May pay be called?", RESPONSE_SCHEMA)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: type(answer).__name__)
def test_an_answer_arrives_as_it_was_sent(answer: Any) -> None:
    assert decode_answer(encode(answer)) == answer


def test_a_request_comes_without_what_its_client_claimed() -> None:
    frame = EXECUTE.frame()
    assert (frame.agent, frame.message, frame.id, frame.thread_id) == ("golden", "go", "k1", "thr_1")
    assert (frame.policy, frame.timezone) == ("reject", "UTC")
    assert (frame.user_id, frame.context, frame.stress_ssot_isolation) == (None, None, False)


@pytest.mark.validation_point("command.shape")
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        encode({"do": "explode"}),
        encode({"do": "cancel", "owner": "user_ada"}),
        encode({"do": "cancel", "owner": "user_ada", "run_id": "run_1", "user_id": "user_bob"}),
        encode([[]] * 3),
        b"\x91" * 5000,
    ],
)
def test_what_is_no_command_is_refused(raw: bytes) -> None:
    with pytest.raises(FrameRefused, match="Not a valid command"):
        decode_command(raw)


@pytest.mark.parametrize("owner", ["", "placeholder_user", "user@example", "x" * 200])
def test_a_command_for_what_is_no_user_is_refused(owner: str) -> None:
    with pytest.raises(InvalidContextError):
        decode_command(encode(EndUser(owner, "user")))


@pytest.mark.parametrize("raw", [b"", encode({"is": "maybe"}), msgspec.json.encode({"is": "taken"})])
def test_an_answer_that_is_not_understood_is_as_none(raw: bytes) -> None:
    with pytest.raises(DependencyUnavailable):
        decode_answer(raw)


Recorded = dict[str, dict[str, bytes]]


def test_a_message_of_version_1_is_sent_as_0_1_0_sent_it(messages_of_0_1_0: Recorded) -> None:
    """A process of 0.1.0 takes no command with a field that it does not know."""
    commands = messages_of_0_1_0["commands"]
    assert {type(decode_command(raw)) for raw in commands.values()} == {type(command) for command in COMMANDS}
    assert {name: encode(decode_command(raw)) for name, raw in commands.items()} == commands


@pytest.mark.parametrize("command", NEWER, ids=lambda command: type(command).__name__)
def test_a_newer_command_says_the_version_that_it_needs(command: Any) -> None:
    assert 1 < msgspec.msgpack.decode(encode(command))["version"] <= VERSION


def test_an_answer_of_0_1_0_is_understood(messages_of_0_1_0: Recorded) -> None:
    answers = {name: decode_answer(raw) for name, raw in messages_of_0_1_0["answers"].items()}
    assert answers == {
        "taken": Taken(),
        "taken_and_accepted": Taken(Accepted("key", "thr_1", "epoch_1", "run_1", 7)),
        "not_here": NotHere(),
        "waiting": Waiting((WaitingCall("apr_1", "thr_1", "run_1", "note", {"text": "a"}, "ab", 1_790_000_000_000),)),
        "refused": PeerRefused("run_limit", "Full.", "Wait.", None, 1000, "turn.capacity"),
    }


@pytest.mark.parametrize(
    "raw",
    [
        encode(PeerCancel("user_ada", "run_1", version=VERSION + 1)),
        encode({"do": "cancel", "owner": "user_ada", "run_id": "run_1", "why": "late", "version": VERSION + 1}),
        encode({"do": "of_tomorrow", "version": VERSION + 1}),
        encode({"version": 2**64 - 1}),
    ],
)
def test_a_command_of_a_newer_version_is_refused_so_that_who_asks_tries_again(raw: bytes) -> None:
    with pytest.raises(DependencyUnavailable, match="different versions") as refusal:
        decode_command(raw)
    here = PeerRefused.of(refusal.value).as_error()
    assert isinstance(here, DependencyUnavailable)
    assert told(here) == told(refusal.value)
    assert here.retry_after_ms


@pytest.mark.parametrize("version", [0, -1, "2", None, 2.5])
def test_what_is_no_version_makes_no_command(version: Any) -> None:
    with pytest.raises(FrameRefused, match="Not a valid command"):
        decode_command(encode({"do": "work", "version": version}))


@pytest.mark.parametrize(
    "raw",
    [
        encode(Taken(version=VERSION + 1)),
        encode({"is": "taken", "accepted": 5, "version": VERSION + 1}),
        encode({"is": "of_tomorrow", "version": VERSION + 1}),
    ],
)
def test_an_answer_of_a_newer_version_is_as_none(raw: bytes) -> None:
    with pytest.raises(DependencyUnavailable, match="different versions"):
        decode_answer(raw)


def test_what_an_older_process_takes_for_no_command_is_no_mistake_of_the_client() -> None:
    there = FrameRefused("No command: Invalid value 'of_tomorrow'", point=validation.COMMAND_SHAPE)
    here = PeerRefused.of(there).as_error()
    assert isinstance(here, DependencyUnavailable)
    assert "of_tomorrow" not in here.message


def test_a_refusal_is_raised_here_as_it_was_there() -> None:
    there = LimitRefused(
        "too many", kind="run_limit", field="f", hint="wait", retry_after_ms=5, point=validation.LIMIT_RUNS
    )
    here = PeerRefused.of(there).as_error()
    assert isinstance(here, Refusal)
    assert told(here) == told(there)
    assert here.point is validation.LIMIT_RUNS


def test_what_is_absent_there_is_absent_here() -> None:
    here = PeerRefused("not_found", "m", "h", "run_id", None, "run.owned").as_error()
    assert isinstance(here, NotFound)
    assert (here.message, here.field) == ("m", "run_id")


@pytest.mark.parametrize("there", [DependencyUnavailable("down", retry_after_ms=5), Fault("broken", kind="internal")])
def test_a_fault_stays_a_fault(there: Fault) -> None:
    here = PeerRefused.of(there).as_error()
    assert type(here) is type(there)
    assert told(here) == told(there)


def test_a_refusal_that_only_the_other_process_knows_is_a_fault() -> None:
    here = PeerRefused("of_tomorrow", "m", "h", None, 5, "new.point").as_error()
    assert isinstance(here, DependencyUnavailable)
    assert (here.message, here.hint, here.retry_after_ms) == ("m", "h", 5)
    assert isinstance(PeerRefused("not_found", "m", "h", None, None, "new.point").as_error(), Fault)


def told(error: NetraError) -> tuple[Any, ...]:
    return (error.entry.id, error.message, error.hint, error.field, error.retry_after_ms)


def test_a_request_needs_a_newer_process_only_for_what_is_new_in_it() -> None:
    plain = ExecuteAgent("golden", "go", "k1", "thr_1", policy="reject")
    sent = PeerExecute.of("user_ada", frozenset(), plain, "thr_1")
    assert (sent.version, sent.frame()) == (1, plain)
    assert FULL.version == VERSION
    assert FULL.frame() == ExecuteAgent(
        "golden",
        thread_id="thr_1",
        parts=(TextPart("go"), DataPart({"n": 1})),
        supersedes="run_1",
        client_run_id="mine",
    )


def test_the_plan_of_a_sign_in_travels_with_the_request_and_asks_for_a_process_that_knows_plans() -> None:
    sent = PeerExecute.of("user_ada", frozenset(), ExecuteAgent("golden", "go"), "thr_1", "free")
    assert (sent.plan, sent.version) == ("free", VERSION)
    assert decode_command(encode(sent)) == sent
