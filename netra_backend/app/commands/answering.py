"""Asks the person at the terminal what a run asks its user, while its events go on arriving."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from ...client.errors import Closed, Refused
from ..core.events import TERMINAL, AnyEvent, ApprovalRequested, ApprovalResolved, QuestionAnswered, QuestionAsked
from ..core.questions import question_in

Tell = Callable[[str], object]


class Answers(Protocol):
    """Who sends answers: ``NetraClient``."""

    async def answer(self, question_id: str, answer: Any) -> None:
        """Answer a question."""


class Terminal:
    """Asks one question after the other by ``tell``, and reads the answers with ``read``; one that was answered elsewhere, or
    whose run has ended, is not asked any more."""

    def __init__(self, client: Answers, tell: Tell, read: Callable[[], Any]) -> None:
        self._client = client
        self._tell = tell
        self._read = read
        self._open: dict[str, ApprovalRequested | QuestionAsked] = {}
        self._asking: asyncio.Task[None] | None = None
        self._asked = ""

    def take(self, event: AnyEvent) -> None:
        """An event has arrived."""
        if isinstance(event, ApprovalRequested | QuestionAsked):
            self._open[question_in(event)] = event
        elif isinstance(event, ApprovalResolved | QuestionAnswered):
            self._open.pop(question_in(event), None)
        elif isinstance(event, TERMINAL):
            self._open = {id: each for id, each in self._open.items() if each.run_id != event.run_id}
        if self._asking is not None and self._asked not in self._open:
            self._asking.cancel()
            self._asking = None
        self._next()

    def _next(self) -> None:
        if self._open and (self._asking is None or self._asking.done()):
            self._asked = next(iter(self._open))
            self._asking = asyncio.create_task(self._ask(self._open[self._asked]))

    async def _ask(self, event: ApprovalRequested | QuestionAsked) -> None:
        question_id = question_in(event)
        while question_id in self._open:
            self._tell(prompt(event))
            typed = await self._read()
            if typed is None:  # the input has ended
                return
            try:
                await self._client.answer(question_id, understood(event, typed.strip()))
            except Refused as refused:
                self._tell(f"{refused}")
            except (ValueError, Closed) as fault:
                self._tell(f"{fault}")
            else:
                return

    async def close(self) -> None:
        """Ask nothing more."""
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking


def prompt(event: ApprovalRequested | QuestionAsked) -> str:
    """What is asked, and how it is answered."""
    if isinstance(event, ApprovalRequested):
        why = f" {event.reason}" if event.reason else ""
        return f"May {event.tool} be called?{why} [y/n, and why]"
    schema = event.schema or {}
    choices = schema.get("enum")
    if isinstance(choices, list):
        return f"{event.text} [{', '.join(map(_told, choices))}]"
    if schema.get("type") == "boolean":
        return f"{event.text} [y/n]"
    return event.text if _is_text(event) else f"{event.text} [JSON: {json.dumps(schema, ensure_ascii=False)}]"


def understood(event: ApprovalRequested | QuestionAsked, typed: str) -> Any:
    """The answer that was typed. Raises ``ValueError``."""
    if isinstance(event, ApprovalRequested):
        word, _, reason = typed.partition(" ")
        decision = {"decision": "approve" if _yes(word) else "deny", "arguments_hash": event.arguments_hash}
        return {**decision, "reason": reason.strip()} if reason.strip() else decision
    schema = event.schema or {}
    choices = schema.get("enum")
    if isinstance(choices, list):
        return {_told(choice): choice for choice in choices}.get(typed, typed)
    if schema.get("type") == "boolean" and typed.lower() in _WORDS:
        return _yes(typed)
    if _is_text(event):
        return typed
    try:
        return json.loads(typed)
    except ValueError as fault:
        raise ValueError(f"That is no JSON: {fault}.") from None


_WORDS: Mapping[str, bool] = {"y": True, "yes": True, "n": False, "no": False}


def _yes(word: str) -> bool:
    answer = _WORDS.get(word.lower())
    if answer is None:
        raise ValueError("Please type y or n.")
    return answer


def _told(choice: Any) -> str:
    return choice if isinstance(choice, str) else json.dumps(choice, ensure_ascii=False)


def _is_text(event: QuestionAsked) -> bool:
    return event.schema is None or event.schema.get("type") == "string"


@asynccontextmanager
async def lines() -> AsyncIterator[Callable[[], Any]]:
    """Reads lines from the terminal, without a thread that nothing could stop: a coroutine function that gives the next one, or
    ``None`` at the end of the input."""
    loop = asyncio.get_running_loop()
    read: asyncio.Queue[str | None] = asyncio.Queue()

    def ready() -> None:
        line = sys.stdin.readline()
        read.put_nowait(line or None)
        if not line:
            loop.remove_reader(sys.stdin)

    loop.add_reader(sys.stdin, ready)
    try:
        yield read.get
    finally:
        loop.remove_reader(sys.stdin)
