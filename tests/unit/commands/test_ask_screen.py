"""How ``netra ask`` ends, and what it says then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.commands.answering import Terminal
from netra_backend.app.commands.ask_screen import AskScreen
from netra_backend.app.core.events import (
    AgentCancelled,
    AgentCompleted,
    AgentStarted,
    AnyEvent,
    ApprovalRequested,
    ApprovalResolved,
    RunResumed,
)

PLACE: dict[str, Any] = {"thread_id": "thr_1", "run_id": "run_1", "seq": 1, "ts": 0}
STARTED = AgentStarted(**PLACE, agent="shop", request_id="req_1")
COMPLETED = AgentCompleted(**PLACE, result={"text": "Done."}, usage={}, elapsed_ms=5)
CANCELLED = AgentCancelled(**PLACE, by="user")
REQUESTED = ApprovalRequested(
    **PLACE,
    approval_id="apr_1",
    call_id="c",
    tool="order",
    arguments={"count": 3},
    arguments_hash="h",
    expires_at=9,
    reason="It costs money.",
)
RESOLVED = ApprovalResolved(**PLACE, approval_id="apr_1", decision="approve", by="conn_1")


def screen_of(*taken: AnyEvent, as_json: bool = False, terminal: Terminal | None = None) -> AskScreen:
    screen = AskScreen(as_json, "netra ask --resume --user ann --thread", "netra runs cancel --user ann")
    screen.terminal = terminal
    for event in taken:
        screen.take(event)
    return screen


@pytest.mark.parametrize(
    ("taken", "code"),
    [((), 0), ((STARTED, COMPLETED), 0), ((STARTED, CANCELLED), 1), ((REQUESTED, RESOLVED, COMPLETED), 0)],
)
def test_a_run_that_ended_gives_the_exit_code(taken: tuple[AnyEvent, ...], code: int) -> None:
    screen = screen_of(*taken)
    assert not screen.is_stuck
    assert screen.ended() == code


def test_a_question_without_a_terminal_is_said_with_how_to_answer_it(capsys: pytest.CaptureFixture[str]) -> None:
    screen = screen_of(STARTED, REQUESTED)
    assert screen.is_stuck
    assert screen.ended() == 3
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "thread thr_1"
    assert said.err.splitlines() == [
        "The run waits for your answer, and there is no terminal to ask at: "
        'May order be called with {"count": 3}? It costs money.',
        "To answer, type on a terminal: netra ask --resume --user ann --thread thr_1",
    ]


def test_a_program_that_reads_json_may_answer_itself() -> None:
    assert not screen_of(STARTED, REQUESTED, as_json=True).is_stuck


@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_says_that_the_run_goes_on(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    screen_of(STARTED, as_json=as_json).interrupted()
    said = (
        []
        if as_json
        else [
            "",
            "The run goes on at the server.",
            "Follow it with: netra ask --resume --user ann --thread thr_1",
            "Stop it with: netra runs cancel --user ann run_1",
        ]
    )
    assert capsys.readouterr().err.splitlines() == said


def test_ctrl_c_after_the_end_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    screen_of(STARTED, COMPLETED).interrupted()
    assert capsys.readouterr().err == ""


async def test_a_lost_connection_is_said_once_and_so_is_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    screen = screen_of(STARTED)
    for state in ("connected", "reconnecting", "reconnecting", "connected", "caught up", "reconnecting"):
        screen.connection(state)
    assert capsys.readouterr().err.splitlines() == [
        "… connection lost; reconnecting",
        "… connected again",
        "… connection lost; reconnecting",
    ]
    screen_of(as_json=True).connection("reconnecting")
    assert capsys.readouterr().err == ""


async def test_after_a_lost_connection_the_question_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netra_backend.app.commands.ask_screen._CAUGHT_UP_S", 0.0)
    asked: asyncio.Queue[str] = asyncio.Queue()
    never: asyncio.Queue[str] = asyncio.Queue()
    terminal = Terminal(Nobody(), asked.put_nowait, never.get)
    screen = screen_of(STARTED, REQUESTED, terminal=terminal)
    first = await asked.get()
    assert not screen.is_stuck
    screen.connection("reconnecting")
    screen.connection("connected")
    screen.take(RunResumed(**PLACE, beginning=2))
    assert await asked.get() == first
    await terminal.close()


def test_a_note_is_for_people_alone(capsys: pytest.CaptureFixture[str]) -> None:
    screen_of().note("[bold]new")
    screen_of(as_json=True).note("new")
    assert capsys.readouterr().err.splitlines() == ["[bold]new"]


class Nobody:
    async def answer(self, question_id: str, answer: Any) -> None:
        """Is never called."""
        raise AssertionError(question_id)
