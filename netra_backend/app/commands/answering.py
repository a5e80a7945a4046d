"""Asks the person at the terminal what a run asks its user, while its events go on arriving."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Protocol

from ...client.errors import Closed, Refused
from ..core.events import (
    TERMINAL,
    AnyEvent,
    ApprovalRequested,
    ApprovalResolved,
    QuestionAnswered,
    QuestionAsked,
    RunSuspended,
)
from ..core.questions import question_in
from .event_view import short_json

Tell = Callable[[str], object]


class Answers(Protocol):
    """Who sends answers: ``NetraClient``."""

    async def answer(self, question_id: str, answer: Any) -> None:
        """Answer a question."""


Asked = ApprovalRequested | QuestionAsked


class Unanswered:
    """The questions of the events so far that nobody has answered, and whose run has not ended, the oldest first."""

    def __init__(self) -> None:
        self.open: dict[str, Asked] = {}

    def take(self, event: AnyEvent) -> None:
        """An event has arrived."""
        if isinstance(event, Asked):
            self.open[question_in(event)] = event
        elif isinstance(event, ApprovalResolved | QuestionAnswered):
            self.open.pop(question_in(event), None)
        elif isinstance(event, TERMINAL):
            self.open = {id: each for id, each in self.open.items() if each.run_id != event.run_id}


class Terminal:
    """Asks one question after the other by ``tell``, and reads the answers with ``read``; one that was answered elsewhere, or
    whose run has ended, is not asked any more."""

    def __init__(self, client: Answers, tell: Tell, read: Callable[[], Any]) -> None:
        self._client = client
        self._tell = tell
        self._read = read
        self._questions = Unanswered()
        self._asking: asyncio.Task[None] | None = None
        self._asked = ""
        self._newest = ""
        self._is_prompted = False
        self._is_buried = False

    @property
    def is_asking(self) -> bool:
        """Whether an answer may be being typed."""
        return self._asking is not None and not self._asking.done()

    def take(self, event: AnyEvent) -> None:
        """An event has arrived, and its line is on the screen."""
        self._questions.take(event)
        self._newest = question_in(event) if isinstance(event, QuestionAsked) else ""
        self._is_buried = True
        if self._asking is not None and self._asked not in self._questions.open:
            self._asking.cancel()
            self._asking = None
        if isinstance(event, RunSuspended | Asked):
            # The run was resumed, and waits for the same answer as before; or what is typed now would seem to answer the newest.
            self.ask_again()
        self._next()

    def buried(self) -> None:
        """Other lines have come after the question."""
        self._is_buried = True

    def ask_again(self) -> None:
        """Show the question once more, if it waits for an answer and lines have come after it."""
        question = self._questions.open.get(self._asked)
        if self.is_asking and self._is_prompted and question is not None and self._is_buried:
            self._prompt(question)

    def _prompt(self, question: Asked) -> None:
        is_shown = question_in(question) == self._newest
        self._newest, self._is_prompted, self._is_buried = "", True, False
        self._tell(prompt(question, is_shown=is_shown, waiting=len(self._questions.open)))

    def _next(self) -> None:
        if self._questions.open and not self.is_asking:
            self._asked, self._is_prompted = next(iter(self._questions.open)), False
            self._asking = asyncio.create_task(self._ask(self._questions.open[self._asked]))

    async def _ask(self, event: Asked) -> None:
        question_id = question_in(event)
        while question_id in self._questions.open:
            self._prompt(event)
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


def question_text(event: Asked) -> str:
    """What is asked."""
    if isinstance(event, ApprovalRequested):
        arguments = f" with {short_json(event.arguments)}" if event.arguments else ""
        return f"May {event.tool} be called{arguments}?{f' {event.reason}' if event.reason else ''}"
    return event.text


def prompt(event: Asked, *, is_shown: bool = False, waiting: int = 1) -> str:
    """What is asked, and how it is answered. ``is_shown``: the text of the question is the line above. So many questions are
    ``waiting``, this one first."""
    text = "Your answer" if is_shown else question_text(event)
    if waiting > 1:
        text = f"(1 of {waiting}) {text}"
    if isinstance(event, ApprovalRequested):
        other = "; or arguments to change, as JSON" if event.arguments else ""
        return f"{text} [y or n, and why{other}]"
    schema = event.schema or {}
    choices = schema.get("enum")
    if isinstance(choices, list):
        return f"{text} [{', '.join(map(_told, choices))}]"
    if schema.get("type") == "boolean":
        return f"{text} [y/n]"
    if _is_text(event):
        return f"{text}:" if is_shown else text
    if _is_anything(schema):
        return f"{text} [a text, or JSON]"
    return f"{text} [JSON: {json.dumps(schema, ensure_ascii=False)}]"


def understood(event: Asked, typed: str) -> Any:
    """The answer that was typed. Raises ``ValueError``."""
    if isinstance(event, ApprovalRequested):
        return _decision(event, typed)
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
        if _is_anything(schema):
            return typed
        raise ValueError(f"That is no JSON: {fault}.") from None


def _decision(event: ApprovalRequested, typed: str) -> dict[str, Any]:
    decision: dict[str, Any] = {"decision": "approve", "arguments_hash": event.arguments_hash}
    if typed.startswith("{"):
        try:
            return {**decision, "arguments": {**event.arguments, **json.loads(typed)}}
        except ValueError as fault:
            raise ValueError(f"That is no JSON: {fault}.") from None
    word, reason = _FIRST_WORD.split(typed, 1) if _FIRST_WORD.search(typed) else (typed, "")
    decision["decision"] = "approve" if _yes(word) else "deny"
    return {**decision, "reason": reason} if reason else decision


_FIRST_WORD: Final = re.compile(r"[\s,;:.!–—-]+")
_WORDS: Mapping[str, bool] = {"y": True, "yes": True, "n": False, "no": False}


def _yes(word: str) -> bool:
    answer = _WORDS.get(word.lower())
    if answer is None:
        raise ValueError("Please type y or n, and if you like a reason after it.")
    return answer


def _told(choice: Any) -> str:
    return choice if isinstance(choice, str) else json.dumps(choice, ensure_ascii=False)


def _is_anything(schema: Mapping[str, Any]) -> bool:
    """Whether nearly any JSON is an answer, so that a text need not be in quotes."""
    return not schema.keys() - {"not", "title", "description"}


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
