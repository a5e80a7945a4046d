"""The values that an agent keeps: each read and each write is a step, and is the same on every replay."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import EllipsisType
from typing import Any, Final, Literal

import msgspec

from ...core.asks import OwnStep
from ...core.blobs import EXACT, Blob
from ...core.errors import StateConflict, ToolError
from ...core.events import StateChanged, StepFinished, StepStarted
from ...core.journal import Recorded, Unknown
from ...core.quoting import quoted_whole
from ...core.state import USER, StateWrite, check_key, digest_of, encode_value
from ...services.redaction import is_too_long, result_redaction
from .branches import current, own
from .run_recorder import BROKEN_OFF, RunRecorder, step_error, until_cancelled

KIND: Final = "state"
Scope = Literal["thread", "user"]
_FULL: Final = {
    "code": "STATE_FULL",
    "message": "There are too many values.",
    "hint": "Remove one, or raise NETRA_LIMIT_STATE_KEYS.",
}


class StateSteps:
    """``agents.interface.AgentState`` of one agent of one run."""

    __slots__ = ("_parent", "_recorder")

    def __init__(self, recorder: RunRecorder, parent_call_id: str) -> None:
        self._recorder = recorder
        self._parent = parent_call_id

    def get(self, key: str, *, scope: Scope = "thread") -> Coroutine[Any, Any, Any]:
        _check(key, scope)
        name = f"get {scope} {key}"
        return self._get(current().key(KIND, name), name, key, scope)

    @own
    async def _get(self, step: str, name: str, key: str, scope: Scope) -> Any:
        recorder = self._recorder
        await recorder.emitter.keep_pace()
        answer = recorder.next(step, OwnStep(KIND, name))
        if type(answer) is Recorded:
            body = await self._read_again(name, answer)
        else:
            attempt = answer.attempt + 1 if isinstance(answer, Unknown) else 1
            recorder.emit(StepStarted, answer.call_id, KIND, name, step, attempt, self._parent)
            try:
                body = await recorder.emitter.value(self._place(scope), key)
            except asyncio.CancelledError:
                self._broken_off(answer.call_id, attempt)
                raise
            blobs = () if body is None else (Blob.of(body, EXACT),)
            named = blobs[0].named if blobs else None
            recorder.emit(StepFinished, answer.call_id, True, 0, attempt, None, named, blobs=blobs)
        if scope == "user":
            recorder.read[key] = digest_of(body)
        return None if body is None else msgspec.json.decode(body)

    async def _read_again(self, name: str, answer: Recorded) -> bytes | None:
        finished = await self._finished(name, answer)
        named = finished.recorded
        return None if named is None else await self._recorder.emitter.blob(named.ref)

    def set(
        self,
        key: str,
        value: Any,
        *,
        scope: Scope = "thread",
        expected: Any = ...,
        visible: bool = False,
    ) -> Coroutine[Any, Any, None]:
        _check(key, scope)
        body = self._encoded(value)
        wanted = expected if isinstance(expected, EllipsisType) else digest_of(self._encoded(expected))
        name = f"{'delete' if body is None else 'set'} {scope} {key}"
        return self._set(current().key(KIND, name), name, key, scope, body, wanted, visible)

    def delete(
        self, key: str, *, scope: Scope = "thread", expected: Any = ..., visible: bool = False
    ) -> Coroutine[Any, Any, None]:
        return self.set(key, None, scope=scope, expected=expected, visible=visible)

    @own
    async def _set(
        self,
        step: str,
        name: str,
        key: str,
        scope: Scope,
        body: bytes | None,
        expected: str | EllipsisType,
        visible: bool,
    ) -> None:
        recorder = self._recorder
        read = recorder.read.get(key) if scope == "user" else None
        wanted = read if isinstance(expected, EllipsisType) else expected
        answer = recorder.next(step, OwnStep(KIND, name))
        told = False
        if type(answer) is Recorded:
            await self._finished(name, answer, key)
            told = answer.told
        else:
            await self._write(step, name, key, scope, body, wanted, answer)
        if scope == "user":
            recorder.read[key] = digest_of(body)
        if visible and not told:
            shown = (
                None
                if body is None
                else await recorder.services.long_work.finish(result_redaction(msgspec.json.decode(body)))
            )
            recorder.emit(StateChanged, answer.call_id, scope, key, shown)

    async def _write(
        self, step: str, name: str, key: str, scope: Scope, body: bytes | None, wanted: str | None, answer: Any
    ) -> None:
        """One commit holds the value and what is recorded of it. A write whose end is not recorded was not made."""
        recorder, call_id = self._recorder, answer.call_id
        attempt = answer.attempt + 1 if isinstance(answer, Unknown) else 1
        emitter = recorder.emitter
        write = StateWrite(emitter.user_id, self._place(scope), key, body, wanted, recorder.services.limits.state_keys)
        conflict = StateConflict(key)
        told = {"code": conflict.code, "message": conflict.message, "hint": conflict.hint}
        recorder.emit(StepStarted, call_id, KIND, name, step, attempt, self._parent)
        emitter.emit_write(
            write,
            StepFinished,
            {
                "written": (call_id, True, 0, attempt),
                "conflict": (call_id, False, 0, attempt, told),
                "full": (call_id, False, 0, attempt, _FULL),
            },
        )
        try:
            await emitter.durable()
        except asyncio.CancelledError:  # it is written all the same, or not; the agent does not get to know
            self._broken_off(call_id, attempt)
            raise
        if write.outcome == "conflict":
            raise conflict
        if write.outcome == "full":
            raise step_error(name, _FULL)

    def _place(self, scope: Scope) -> str:
        return USER if scope == "user" else self._recorder.emitter.thread_id

    def _encoded(self, value: Any) -> bytes | None:
        """What is stored of a value. Raises ``ToolError``; the same on every replay, so it is not recorded."""
        if is_too_long(value):
            raise ToolError("STATE_TOO_LARGE", "The value holds a number of more digits than can be written.")
        try:
            body = encode_value(value)
        except (TypeError, ValueError, OverflowError) as fault:
            raise ToolError("STATE_NOT_JSON", f"The value is not JSON ({type(fault).__name__}).") from fault
        if body is not None:
            body = self._recorder.hidden.encoded(body)
        most = self._recorder.services.limits.state_bytes
        if body is not None and len(body) > most:
            raise ToolError(
                "STATE_TOO_LARGE",
                f"A value has at most {most} bytes; this one has {len(body)}.",
                hint="Keep less, or raise NETRA_LIMIT_STATE_BYTES.",
            )
        return body

    async def _finished(self, name: str, answer: Recorded, key: str = "") -> StepFinished:
        finished = answer.finished
        assert finished is not None
        if answer.cancelled:
            await until_cancelled()
        if not finished.ok:
            raise step_error(key or name, finished.error or {})
        return finished

    def _broken_off(self, call_id: str, attempt: int) -> None:
        if not self._recorder.stopping:
            self._recorder.emit(StepFinished, call_id, False, 0, attempt, dict(BROKEN_OFF))


def _check(key: str, scope: str) -> None:
    check_key(key)
    if scope not in ("thread", "user"):
        raise ValueError(f"The scope of a value is thread or user, not {quoted_whole(scope)}.")
