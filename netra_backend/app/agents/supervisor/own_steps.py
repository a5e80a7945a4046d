"""The steps that an agent names itself: each body is performed once, and its result is recorded, exact and unseen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from ...core.asks import OwnStep
from ...core.blobs import EXACT, Blob
from ...core.errors import LimitRefused, OutcomeUnknown, ToolError
from ...core.events import StepFinished, StepStarted
from ...core.exhaustion import plain_fault
from ...core.journal import Recorded, Unknown
from ...services.redaction import is_too_long, result_redaction
from .branches import Performing, on_branch
from .run_recorder import BROKEN_OFF, UNKNOWN, RunRecorder, step_error, until_cancelled

_LOG: Final = logging.getLogger("netra.run")
_PAUSE_S: Final = 0.5
MOST_RETRIES: Final = 10

Body = Callable[[], Awaitable[Any]]


class OwnSteps:
    """Performs steps on behalf of the step ``parent_call_id``, if another agent asked this one."""

    __slots__ = ("_parent", "_recorder")

    def __init__(self, recorder: RunRecorder, parent_call_id: str) -> None:
        self._recorder = recorder
        self._parent = parent_call_id

    async def perform(
        self, key: str, name: str, body: Body, *, idempotent: bool, timeout_s: float | None, retries: int
    ) -> Any:
        """The result of ``body``, from the journal if it is recorded. Raises ``OutcomeUnknown``, and ``ToolError`` if it
        failed."""
        await self._recorder.emitter.keep_pace()
        answer = self._recorder.next(key, OwnStep("step", name))
        if type(answer) is Recorded:
            assert answer.finished is not None
            if answer.cancelled:
                await until_cancelled()
            return await self._recorded(name, answer.finished)
        call_id, attempt = answer.call_id, 1
        if isinstance(answer, Unknown):
            if not idempotent:
                raise self._unknown(name, call_id, answer.attempt, 0)
            attempt = answer.attempt + 1
        while True:
            self._recorder.emit(StepStarted, call_id, "step", name, key, attempt, self._parent)
            try:
                return await self._attempt(name, call_id, attempt, body, idempotent, timeout_s, retries > 0)
            except _Again:
                retries -= 1
                await self._pause(call_id, attempt)
                attempt += 1

    async def _pause(self, call_id: str, attempt: int) -> None:
        """Wait before the next attempt. An agent that breaks the step off meanwhile does so on every replay."""
        try:
            await asyncio.sleep(_PAUSE_S * 2 ** min(attempt - 1, 6))
        except asyncio.CancelledError:
            if not self._recorder.stopping:
                self._failed(call_id, attempt, 0, dict(BROKEN_OFF))
            raise

    async def _attempt(
        self,
        name: str,
        call_id: str,
        attempt: int,
        body: Body,
        idempotent: bool,
        timeout_s: float | None,
        again: bool,
    ) -> Any:
        clock = self._recorder.services.clock
        began = clock.monotonic()

        def elapsed() -> int:
            return round((clock.monotonic() - began) * 1000)

        try:
            if not idempotent:
                await self._recorder.emitter.durable()
            with on_branch(Performing(name, call_id, attempt)):
                async with asyncio.timeout(timeout_s) as patience:
                    result = await body()
            recorded = encoded(result, f"The result of {name}")
            if recorded is not None and self._recorder.hidden:
                recorded = self._recorder.hidden.encoded(recorded)
        except asyncio.CancelledError:
            self._broken_off(call_id, attempt, elapsed(), idempotent)
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as fault:
            if isinstance(fault, TimeoutError) and patience.expired():
                if not idempotent:
                    raise self._unknown(name, call_id, attempt, elapsed()) from None
                error = {"code": "STEP_TIMEOUT", "message": f"{name} did not finish within {timeout_s:g} s."}
            else:
                try:
                    error = self._recorder.hidden.plain(await self._error(name, fault))
                except asyncio.CancelledError:
                    self._broken_off(call_id, attempt, elapsed(), idempotent)
                    raise
            again = again and not isinstance(fault, ToolError)  # that one is an answer
            self._failed(call_id, attempt, elapsed(), {**error, "retried": True} if again else error)
            if again:
                raise _Again from fault
            raise step_error(name, error) from fault
        blobs = () if recorded is None else (Blob.of(recorded, EXACT),)
        named = blobs[0].named if blobs else None
        try:
            self._recorder.emit(StepFinished, call_id, True, elapsed(), attempt, None, named, blobs=blobs)
        except LimitRefused as fault:  # the body has acted: its end is recorded, so that it does not count as unknown
            error = {"code": "RESULT_TOO_LARGE", "message": f"The result of {name} is too large: {fault.message}"}
            self._failed(call_id, attempt, elapsed(), error)
            raise step_error(name, error) from None
        return None if recorded is None else msgspec.json.decode(recorded)

    def _broken_off(self, call_id: str, attempt: int, elapsed_ms: int, idempotent: bool) -> None:
        if not self._recorder.stopping:
            self._failed(call_id, attempt, elapsed_ms, dict(BROKEN_OFF))
        elif not idempotent:
            self._failed(call_id, attempt, elapsed_ms, dict(UNKNOWN))

    async def _error(self, name: str, fault: BaseException) -> dict[str, Any]:
        if isinstance(fault, ToolError):
            told = {"code": fault.code, "message": fault.message, "hint": fault.hint, "details": fault.details}
            try:
                told = msgspec.json.decode(encoded(told, f"The error of {name}") or b"")
            except ToolError as unusable:
                return {"code": unusable.code, "message": unusable.message, "hint": unusable.hint}
            told = self._recorder.hidden.without(told)
            redacted: dict[str, Any] = await self._recorder.services.long_work.finish(result_redaction(told))
            return redacted
        error_id = self._recorder.services.mint("err")
        _LOG.error("step failed", exc_info=fault, extra={"step": name, "error_id": error_id})
        plain = plain_fault(fault) if isinstance(fault, Exception) else None
        if plain is not None:
            return {"code": "DEPENDENCY_UNAVAILABLE", "message": plain.message, "hint": plain.hint or ""}
        return {"code": "STEP_FAILED", "message": f"{name} failed ({type(fault).__name__}).", "error_id": error_id}

    def _unknown(self, name: str, call_id: str, attempt: int, elapsed_ms: int) -> OutcomeUnknown:
        self._failed(call_id, attempt, elapsed_ms, dict(UNKNOWN))
        return OutcomeUnknown(name)

    def _failed(self, call_id: str, attempt: int, elapsed_ms: int, error: dict[str, Any]) -> None:
        self._recorder.emit(StepFinished, call_id, False, elapsed_ms, attempt, error)

    async def _recorded(self, name: str, finished: StepFinished) -> Any:
        if finished.ok:
            named = finished.recorded
            return None if named is None else msgspec.json.decode(await self._recorder.emitter.blob(named.ref))
        raise step_error(name, finished.error or {})


class _Again(Exception):
    """The attempt failed and is followed by another one."""


def encoded(result: Any, what: str = "The result") -> bytes | None:
    """What is recorded of a result. Raises ``ToolError`` if it is not JSON, in words that begin with ``what`` it is."""
    if result is None:
        return None
    if is_too_long(result):
        raise ToolError("RESULT_TOO_LARGE", f"{what} holds a number of more digits than can be written.")
    try:
        return msgspec.json.encode(result)
    except (TypeError, ValueError, OverflowError) as fault:
        raise ToolError("RESULT_NOT_JSON", f"{what} is not JSON ({type(fault).__name__}).") from fault
