"""Whatever another process asks is answered; whatever it tells does no harm. What is done: the tests beside this one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.cluster.command_handler import PeerCommandHandler
from netra_backend.app.core.peer_messages import (
    VERSION,
    AnyAnswer,
    DeleteThread,
    EndUser,
    Forget,
    NotHere,
    PeerCancel,
    PeerRefused,
    PeerResolve,
    Taken,
    Work,
    decode_answer,
    encode,
)


@pytest.fixture
async def process(processes: Any) -> Any:
    return await processes.open()


@pytest.fixture
def answering(process: Any) -> PeerCommandHandler:
    return PeerCommandHandler(process.turns, process.log, process.revocations, process.takeover.work)


async def answered(answering: PeerCommandHandler, command: Any) -> AnyAnswer:
    return decode_answer(await answering.answer(encode(command)))


async def test_what_is_no_command_is_answered_with_a_refusal(answering: PeerCommandHandler) -> None:
    for raw in (b"", b"\xff", encode({"do": "explode"})):
        answer = decode_answer(await answering.answer(raw))
        assert isinstance(answer, PeerRefused)
        assert answer.error == "invalid_frame"


async def test_what_only_a_newer_process_knows_is_answered_with_a_fault(answering: PeerCommandHandler) -> None:
    for raw in (encode(Work(version=VERSION + 1)), encode({"do": "explode", "version": VERSION + 1})):
        answer = decode_answer(await answering.answer(raw))
        assert isinstance(answer, PeerRefused)
        assert answer.error == "dependency_unavailable"


async def test_what_is_not_here_is_said_to_be_elsewhere(answering: PeerCommandHandler) -> None:
    assert await answered(answering, PeerCancel("user_ada", "run_1")) == NotHere()
    word = PeerResolve("user_ada", "apr_run_1.call_1", "approve", "0" * 64, None, "conn_1")
    assert await answered(answering, word) == NotHere()


async def test_what_another_process_holds_is_not_deleted_here(
    answering: PeerCommandHandler, process: Any, processes: Any, gates_class: Any
) -> None:
    other = await processes.open()
    gates = gates_class(other)
    gates.shutting("m0")
    await other.ask(other.connect(), "golden", "m0", thread_id="thr_1")
    assert await answered(answering, DeleteThread("user_ada", "thr_1")) == NotHere()
    assert len(other.turns) == 1
    gates.open()


async def test_what_is_to_be_told_to_all_may_also_be_asked(answering: PeerCommandHandler) -> None:
    for command in (Forget(("thr_1",)), Work()):
        assert await answered(answering, command) == Taken()


async def test_a_fault_here_is_told_without_its_words(
    answering: PeerCommandHandler, process: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: str) -> None:
        raise ValueError("secret")

    monkeypatch.setattr(process.turns.commands, "end_user_here", broken)
    answer = await answered(answering, EndUser("user_ada", "user"))
    assert isinstance(answer, PeerRefused)
    assert (answer.error, "secret" in answer.message) == ("dependency_unavailable", False)
    assert "a command from another process failed" in caplog.text


async def test_what_takes_too_long_is_answered_all_the_same(
    answering: PeerCommandHandler, process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(*_: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(answering, "_within_s", 0.0)
    monkeypatch.setattr(process.turns.commands, "end_user_here", endless)
    answer = await answered(answering, EndUser("user_ada", "user"))
    assert isinstance(answer, PeerRefused)
    assert answer.retry_after_ms == 1000


async def test_what_is_told_and_not_understood_is_left_out(
    answering: PeerCommandHandler, caplog: pytest.LogCaptureFixture
) -> None:
    answering.on_message(b"\xff")
    answering.on_message(encode(Forget(("thr_1",), version=VERSION + 1)))
    answering.on_message(encode(PeerCancel("user_ada", "run_1")))
    assert caplog.text.count("not understood") == 2
