"""A person at a terminal is asked one question after the other, and never what was answered elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.commands.answering import Terminal, prompt, understood
from netra_backend.app.core.events import (
    AgentCancelled,
    AgentThinking,
    ApprovalRequested,
    ApprovalResolved,
    QuestionAnswered,
    QuestionAsked,
    RunResumed,
    RunSuspended,
)
from netra_backend.app.core.frames import ErrorFrame
from netra_backend.client.errors import Refused

PLACE: dict[str, Any] = {"thread_id": "thr_1", "run_id": "run_1", "seq": 1, "ts": 0}


def asked(number: int = 1, schema: Any = None, **more: Any) -> QuestionAsked:
    own: dict[str, Any] = {
        "question_id": f"qst_{number}",
        "text": f"Number {number}?",
        "expires_at": 9,
        "call_id": "c",
        "step": "ask#1",
    }
    return QuestionAsked(**{**PLACE, **more}, **own, schema=schema)


def approval(reason: str = "", arguments: Any = None, number: int = 1) -> ApprovalRequested:
    own: dict[str, Any] = {
        "approval_id": f"apr_{number}",
        "call_id": "c",
        "tool": "pay",
        "arguments": arguments or {},
        "arguments_hash": "h",
    }
    return ApprovalRequested(**PLACE, **own, expires_at=9, reason=reason)


class Person:
    """Types what it is told to, when it is asked; keeps what was said to it and what was sent for it."""

    def __init__(self) -> None:
        self.types: asyncio.Queue[str | None] = asyncio.Queue()
        self.sent: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.refuses: list[str] = []
        self.heard: list[str] = []
        self.terminal = Terminal(self, self.heard.append, self.types.get)

    async def answer(self, question_id: str, answer: Any) -> None:
        if self.refuses:
            raise Refused(ErrorFrame("invalid_answer", self.refuses.pop(), "Try again.", False))
        self.sent.put_nowait((question_id, answer))


@pytest.fixture
def person() -> Person:
    return Person()


async def test_one_question_is_asked_after_the_other(person: Person) -> None:
    for event in (asked(1), AgentThinking(**PLACE, text="x"), asked(2)):
        person.terminal.take(event)
    person.types.put_nowait("one\n")
    assert await person.sent.get() == ("qst_1", "one")
    assert person.heard == ["(1 of 2) Number 1?"]  # its own line is not the last one
    person.terminal.take(QuestionAnswered(**PLACE, question_id="qst_1", by="conn_1"))
    person.types.put_nowait("two\n")
    assert await person.sent.get() == ("qst_2", "two")
    await person.terminal.close()


async def test_what_is_answered_elsewhere_is_asked_no_more(person: Person) -> None:
    person.terminal.take(asked(1))
    await asyncio.sleep(0)
    person.terminal.take(QuestionAnswered(**PLACE, question_id="qst_1", by="conn_2"))
    person.terminal.take(approval())
    person.types.put_nowait("y enough\n")
    assert await person.sent.get() == ("apr_1", {"decision": "approve", "arguments_hash": "h", "reason": "enough"})
    person.terminal.take(ApprovalResolved(**PLACE, approval_id="apr_1", decision="approve", by="c"))
    await person.terminal.close()
    assert [text[:8] for text in person.heard] == ["Your ans", "May pay "]


async def test_what_a_run_asked_that_has_ended_is_asked_no_more(person: Person) -> None:
    person.terminal.take(asked(1))
    person.terminal.take(asked(2, run_id="run_2"))
    person.terminal.take(AgentCancelled(**PLACE, by="user"))
    person.types.put_nowait("two\n")
    assert await person.sent.get() == ("qst_2", "two")
    await person.terminal.close()


async def test_an_answer_that_was_refused_is_asked_for_again(person: Person) -> None:
    person.refuses = ["It does not fit."]
    person.terminal.take(asked(1, {"type": "integer"}))
    for typed in ("many", "0", "7"):
        person.types.put_nowait(f"{typed}\n")
    assert await person.sent.get() == ("qst_1", 7)
    shown = 'Number 1? [JSON: {"type": "integer"}]'
    assert person.heard[::2] == [shown.replace("Number 1?", "Your answer"), shown, shown]
    assert "no JSON" in person.heard[1]
    assert "It does not fit." in person.heard[3]
    await person.terminal.close()


async def test_at_the_end_of_the_input_nothing_more_is_asked(person: Person) -> None:
    person.types.put_nowait(None)
    person.terminal.take(asked(1))
    await asyncio.sleep(0)
    await person.terminal.close()
    assert person.heard == ["Your answer:"]


async def test_a_question_that_other_lines_have_buried_is_shown_again_once_its_run_waits_again(person: Person) -> None:
    person.terminal.take(asked(1))
    await asyncio.sleep(0)
    person.terminal.ask_again()
    assert person.heard == ["Your answer:"]  # nothing has come after it
    person.terminal.take(RunResumed(**PLACE, beginning=2))
    person.terminal.take(RunSuspended(**PLACE, reason="waiting"))
    person.terminal.buried()
    person.terminal.ask_again()
    person.terminal.ask_again()
    assert person.heard == ["Your answer:", "Number 1?", "Number 1?"]
    person.types.put_nowait("one\n")
    assert await person.sent.get() == ("qst_1", "one")
    person.terminal.take(QuestionAnswered(**PLACE, question_id="qst_1", by="conn_1"))
    person.terminal.ask_again()
    assert len(person.heard) == 3
    await person.terminal.close()


@pytest.mark.parametrize(
    ("schema", "typed", "answer"),
    [
        (None, "7", "7"),
        ({"type": "string"}, "7", "7"),
        ({"type": "integer"}, "7", 7),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, "true", True),
        ({"enum": ["red", 7]}, "red", "red"),
        ({"enum": ["red", 7]}, "7", 7),
        ({"enum": ["red", 7]}, "green", "green"),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"not": {"type": "null"}}, "yes, please", "yes, please"),
        ({"not": {"type": "null"}}, '{"a": 1}', {"a": 1}),
    ],
)
def test_what_is_typed_is_understood_as_the_schema_says(schema: Any, typed: str, answer: Any) -> None:
    assert understood(asked(1, schema), typed) == answer


@pytest.mark.parametrize(
    ("typed", "decision", "reason"),
    [
        ("y", "approve", None),
        ("Yes.", "approve", None),
        ("yes, go on", "approve", "go on"),
        ("y we need it", "approve", "we need it"),
        ("n, too expensive", "deny", "too expensive"),
        ("no: not today, thanks", "deny", "not today, thanks"),
        ("n — never", "deny", "never"),
    ],
)
def test_a_decision_is_yes_or_no_and_a_reason_may_follow(typed: str, decision: str, reason: str | None) -> None:
    answer = understood(approval(), typed)
    assert (answer["decision"], answer.get("reason")) == (decision, reason)
    assert answer["arguments_hash"] == "h"


def test_arguments_that_are_typed_approve_the_call_with_those_changed() -> None:
    event = approval(arguments={"item": "tea", "count": 3})
    changed = {"decision": "approve", "arguments_hash": "h", "arguments": {"item": "tea", "count": 2}}
    assert understood(event, '{"count": 2}') == changed
    with pytest.raises(ValueError, match="no JSON"):
        understood(event, "{count: 2}")


def test_a_decision_is_nothing_else() -> None:
    with pytest.raises(ValueError, match="y or n"):
        understood(approval(), "perhaps")


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (approval("It moves money."), "May pay be called? It moves money. [y or n, and why]"),
        (
            approval(arguments={"count": 3}),
            'May pay be called with {"count": 3}? [y or n, and why; or arguments to change, as JSON]',
        ),
        (asked(1, {"not": {"type": "null"}}), "Number 1? [a text, or JSON]"),
        (asked(1, {"enum": ["red", 7]}), "Number 1? [red, 7]"),
        (asked(1, {"type": "boolean"}), "Number 1? [y/n]"),
    ],
)
def test_a_prompt_says_how_to_answer(event: Any, shown: str) -> None:
    assert prompt(event) == shown


def test_a_prompt_shows_no_more_of_the_arguments_than_a_line_has_room_for() -> None:
    assert len(prompt(approval(arguments={"text": "long " * 1000}))) < 200


async def test_of_two_calls_the_prompt_says_which_one_it_asks_about(person: Person) -> None:
    how = "[y or n, and why; or arguments to change, as JSON]"
    person.terminal.take(approval(arguments={"to": "Ann"}))
    await asyncio.sleep(0)
    person.terminal.take(approval(arguments={"to": "Bea"}, number=2))
    assert person.heard == [
        f'May pay be called with {{"to": "Ann"}}? {how}',
        f'(1 of 2) May pay be called with {{"to": "Ann"}}? {how}',
    ]
    person.types.put_nowait("n\n")
    assert (await person.sent.get())[0] == "apr_1"
    person.terminal.take(ApprovalResolved(**PLACE, approval_id="apr_1", decision="deny", by="c"))
    person.types.put_nowait("y\n")
    assert (await person.sent.get())[0] == "apr_2"
    assert person.heard[2:] == [f'May pay be called with {{"to": "Bea"}}? {how}']
    await person.terminal.close()


async def test_a_prompt_that_comes_again_after_a_restart_names_the_arguments(person: Person) -> None:
    person.terminal.take(approval(arguments={"to": "Ann"}))
    await asyncio.sleep(0)
    person.terminal.take(RunResumed(**PLACE, beginning=2))
    person.terminal.take(RunSuspended(**PLACE, reason="waiting"))
    assert len(person.heard) == 2
    assert all('{"to": "Ann"}' in text for text in person.heard)
    await person.terminal.close()
