"""The child process that answers questions over one owner's rows, one at a time, for as long as the parent wants it.

Messages in: ``warm`` (names of questions to load ahead), once ``open`` (whose rows, which files, which bounds), then ``ask``.
``open`` is answered by ``{"opened": true}``, or by false and why, where the files cannot be opened. Each ``ask`` is answered by
``{"answer": …}``, ``{"fault": …}`` or ``{"rejected": …}``; ``worn`` beside it says that the child has been near its bounds and
should be used no more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from ...core import validation
from ...core.errors import QueryRejected, SSotIsolationError, ToolError
from ...core.limits import USUAL, Limits, told_size
from ...usage.questions import BOUNDED, load_question
from ...usage.side_by_side import start_workers
from ..process.child_runtime import Pipe, bound_cpu, bound_lifetime, bound_memory
from ..process.sandbox import Sandbox, enter, no_more_threads
from .rows_reader import Source, open_rows

NEEDS_A_WALL: Final = frozenset({"raw_sql"})
"""Questions that are only answered if the system holds this process to its memory, and filters what it asks of the kernel."""


class Open(msgspec.Struct, frozen=True):
    """Whose rows this child serves, for its whole life."""

    owner: str
    sources: list[Source]
    secrets: list[str]
    """Texts that no message may hold: the places of the files."""
    questions: dict[str, str]
    limits: Limits = USUAL


class Ask(msgspec.Struct, frozen=True):
    """One question."""

    owner: str
    question: str
    arguments: dict[str, Any]
    cpu_s: int


class OwnerRows:
    """The rows of one owner, and the answers over them."""

    def __init__(self, opened: Open, *, filtered: bool) -> None:
        self._owner = opened.owner
        self._questions = opened.questions
        self._secrets = [secret.encode() for secret in opened.secrets]
        self._rows = open_rows(opened.sources, opened.limits.question_engine_bytes)
        self._limits = opened.limits
        self._walled = bound_memory(opened.limits.question_memory_bytes) and filtered
        bound_lifetime(opened.limits.question_process_cpu_s)
        self._worn = False

    def answer(self, ask: Ask) -> bytes:
        """The encoded answer, without anything that tells where the rows lie."""
        message = self._message(ask)
        encoded = msgspec.json.encode({**message, "worn": True} if self._worn else message)
        most = self._limits.answer_bytes
        if len(encoded) > most:
            encoded = msgspec.json.encode(_fault(_too_large(f"The answer is larger than {told_size(most)}.")))
        for secret in self._secrets:
            encoded = encoded.replace(secret, b"...")
        return encoded

    def _message(self, ask: Ask) -> dict[str, Any]:
        try:
            return {"answer": self._asked(ask)}
        except ToolError as fault:
            return _fault(fault)
        except (QueryRejected, SSotIsolationError) as refusal:
            reply = {
                "point": refusal.point.id,
                "message": refusal.message,
                "field": refusal.field,
                "hint": refusal.hint,
            }
            return {"rejected": reply}
        except (MemoryError, duckdb.OutOfMemoryException):
            return {**_fault(_too_large("The answer needs more memory than one query is allowed.")), "worn": True}
        except duckdb.Error as error:
            return _fault(
                ToolError(
                    "QUERY_REJECTED",
                    f"The query failed: {str(error).partition(chr(10))[0][:300]}",
                    hint="Check the names and types of its columns.",
                )
            )
        except Exception as error:
            return {"broken": _where(error)}

    def _asked(self, ask: Ask) -> Any:
        if ask.owner != self._owner:
            raise SSotIsolationError(
                "SSOT isolation: this child serves the rows of another owner",
                point=validation.LEDGER_CHILD_OWNER,
                field="owner",
            )
        if ask.question in NEEDS_A_WALL and not self._walled:
            raise QueryRejected(
                "Raw SQL cannot run here, because this system does not enforce a memory limit per process and a filter of "
                "system calls",
                point=validation.QUERY_WALL,
                hint="Ask with metrics, groups and filters instead; raw SQL needs Linux with seccomp.",
            )
        self._worn = not bound_cpu(ask.cpu_s)
        answer = load_question(ask.question, self._questions)
        if ask.question in BOUNDED:
            return answer(self._rows, ask.arguments, limits=self._limits)
        return answer(self._rows, ask.arguments)


def _fault(fault: ToolError) -> dict[str, Any]:
    return {"fault": {"code": fault.code, "message": fault.message, "hint": fault.hint, "details": fault.details}}


def _too_large(message: str) -> ToolError:
    return ToolError("RESULT_TOO_LARGE", message, hint="Ask for a shorter period, fewer groups or fewer rows.")


def _where(error: BaseException) -> str:
    """What broke, in words that hold none of the owner's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else ""
    return type(error).__name__ + place


def _warm(questions: Mapping[str, str], names: Sequence[str], wanted: Callable[[], bool]) -> None:
    """Load questions ahead, until somebody asks one."""
    for name in names:
        if wanted():
            return
        # One that cannot be loaded says so when it is asked; the others must not suffer.
        with contextlib.suppress(Exception):
            load_question(name, questions)


def serve(pipe: Pipe) -> None:
    """Serve one owner until the parent closes the pipe."""
    rows: OwnerRows | None = None
    while (message := pipe.receive()) is not None:
        if (warm := message.get("warm")) is not None:
            _warm(warm["questions"], warm["names"], pipe.waiting)
        elif (opened := message.get("open")) is not None and rows is None:
            reply: dict[str, Any] = {"opened": True}
            asked = msgspec.convert(opened, Open)
            # What was imported is a stranger's, too. Threads begin behind the walls; until now the pipe's end was enough.
            walls = enter(Sandbox(files=tuple(Path(source.path) for source in asked.sources)))
            pipe.end_with_parent()
            start_workers()
            no_more_threads()
            try:
                rows = OwnerRows(asked, filtered=walls.system_calls)
            except duckdb.Error as error:
                reply = {"opened": False, "why": type(error).__name__}
            pipe.send(msgspec.json.encode(reply))
        elif rows is not None:
            pipe.send(rows.answer(msgspec.convert(message["ask"], Ask)))


if __name__ == "__main__":
    serve(Pipe())
