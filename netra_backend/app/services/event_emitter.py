"""One user's way into the event log: every event carries its owner's thread, run and position, no matter who calls it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from ..core import history, validation
from ..core.blobs import Blob
from ..core.errors import DependencyUnavailable, FactoryRefused, Fault, SSotIsolationError
from ..core.events import TERMINAL, Event, ModelCompleted, StepRecorded, encode_event
from ..core.hidden_values import HiddenValues
from ..core.history import FRAME_WEIGHT, OnCommit, RunRecord
from ..core.limits import USUAL
from ..core.repaired_text import repaired
from ..core.state import StateWrite, WriteOutcome
from ..ports import Clock, EventLog

_LOG: Final = logging.getLogger("netra.emitter")
AGAIN_S: Final = 0.25  # how soon a store that is away is asked again
_TERMINAL: Final = frozenset(TERMINAL)  # a tuple is searched by comparing, this by its hash
_MAY_WAIT: Final = frozenset((ModelCompleted, StepRecorded))
"""Events that nothing waits for but what the agent does next, which is then in their commit. The end of an effect is none of
them: for as long as it is not stored, a crash makes its outcome unknown."""


class EventTooLarge(ValueError):
    """An event of more bytes than the limit ``event_bytes``; nothing was written."""


class UserEventEmitter:
    """Bound to one user and thread at birth, and to one run by ``bind``. Never touches a socket.

    It stamps thread, run, position and time itself and takes none of them from its caller. An event has at most ``most_bytes``.
    It never waits itself: whose events come without end calls ``keep_pace`` between them, and waits once ``most_ahead_bytes``
    are not known to be stored.
    """

    __slots__ = (
        "_clock",
        "_closed",
        "_emitted_bytes",
        "_log",
        "_on_close",
        "_run",
        "_stored_bytes",
        "connection_id",
        "hidden",
        "most_ahead_bytes",
        "most_bytes",
        "rejected_count",
        "repaired",
        "sent",
        "thread_id",
        "user_id",
    )

    def __init__(
        self,
        user_id: str,
        thread_id: str,
        connection_id: str | None,
        log: EventLog | None,
        clock: Clock | None,
        on_close: Callable[[UserEventEmitter], None],
        *,
        most_bytes: int = USUAL.event_bytes,
        most_ahead_bytes: int = USUAL.run_ahead_bytes,
    ) -> None:
        self.user_id = user_id
        self.thread_id = thread_id
        self.connection_id = connection_id
        self.sent = 0
        self.rejected_count = 0
        self.repaired = 0
        self._log = log
        self._clock = clock
        self._run: RunRecord | None = None
        self._closed = False
        self._emitted_bytes = self._stored_bytes = 0
        self._on_close = on_close
        self.most_bytes = most_bytes
        self.most_ahead_bytes = most_ahead_bytes
        self.hidden: HiddenValues | None = None
        """What no event may show, once its run was given a secret."""

    @property
    def is_closed(self) -> bool:
        """Whether it takes no event any more."""
        return self._closed

    def bind(self, run: RunRecord) -> None:
        """Write the events of this run. Raises ``SSotIsolationError`` if it is another user's or thread's."""
        head = run.head
        if head.owner != self.user_id or head.thread_id != self.thread_id:
            self.rejected_count += 1
            raise SSotIsolationError(
                "SSOT isolation: this run does not belong to the emitter's user and thread",
                point=validation.EMITTER_RUN,
            )
        self._run = run

    def emit(
        self,
        event: type[Event],
        *own: Any,
        on_commit: OnCommit | None = None,
        blobs: Sequence[Blob] = (),
        about: str = "",
        **named: Any,
    ) -> bool:
        """Append one event with its own fields, in their order or by their names (which costs more: they are merged and matched
        for each event), and the blobs that it names. ``about`` is the run that it is about, if that is another one of the
        thread. It is part of the history at once. Once it is committed ``on_commit`` is called, then its readers get it.
        Halves of surrogate pairs become U+FFFD; returns whether there were any.

        Raises ``FactoryRefused`` if the emitter is closed, not bound, or its run has ended; ``EventTooLarge``, and
        ``LimitRefused`` for a blob that is too large;
        ``TypeError`` where a field is not JSON; ``DependencyUnavailable`` where the log is down. Nothing is written then.
        """
        run = self._run
        if run is None or self._closed or run.ended:
            self.rejected_count += 1
            raise FactoryRefused(
                "Factory SSOT validation failed: the emitter is closed or its run has ended",
                point=validation.EMITTER_STATE,
            )
        log, clock = self._log, self._clock
        if log is None or clock is None:
            self.rejected_count += 1
            raise FactoryRefused(
                "Factory not configured - call configure() with an event_log first",
                kind="factory_not_configured",
                point=validation.EMITTER_LOG,
            )
        made = event(self.thread_id, about or run.run_id, run.head.top + 1, clock.now_ms(), *own, **named)
        is_repaired = False
        try:
            frame = encode_event(made)
        except UnicodeEncodeError:  # half of a surrogate pair, from an agent, a tool or a model
            frame = msgspec.json.encode(repaired(msgspec.to_builtins(made)))
            is_repaired = True
            self.repaired += 1
            _LOG.warning("text was repaired", extra={"run_id": run.run_id, "event": event.__name__})
        if self.hidden is not None:
            frame = self.hidden.event(frame)
        if len(frame) > self.most_bytes:
            self.rejected_count += 1
            raise EventTooLarge(f"the event has {len(frame)} bytes; the limit is {self.most_bytes}")
        log.append(run, frame, ends=event in _TERMINAL, on_commit=on_commit, blobs=blobs, may_wait=event in _MAY_WAIT)
        self.sent += 1
        self._emitted_bytes += len(frame) + FRAME_WEIGHT
        for blob in blobs:
            self._emitted_bytes += len(blob.body)
        return is_repaired

    def emit_write(self, write: StateWrite, event: type[Event], own: Mapping[WriteOutcome, Sequence[Any]]) -> None:
        """As ``emit``, of an event whose ``own`` fields are those of what becomes of the write, which is part of its commit."""
        self.emit(event, *own["written"])
        run, clock = self._run, self._clock
        assert run is not None
        assert clock is not None
        place = self.thread_id, run.run_id, run.head.top, clock.now_ms()
        frames = {each: encode_event(event(*place, *fields)) for each, fields in own.items()}
        if self.hidden is not None:
            frames = {each: self.hidden.event(frame) for each, frame in frames.items()}
        history.attach(run, write, frames)

    async def value(self, thread_id: str, key: str) -> bytes | None:
        """A committed value that agents keep, of this user and thread, or with ``core.state.USER`` of the user alone; once a log
        that is away is there again. Raises ``DependencyUnavailable`` if the log has failed."""
        log = self._log
        while log is not None and not self._closed:
            try:
                return await log.state.value(self.user_id, thread_id, key)
            except DependencyUnavailable:
                if log.failed:
                    raise
                await asyncio.sleep(AGAIN_S)
        raise DependencyUnavailable("The emitter is closed.")

    async def before(self, after: int, upto: int) -> AsyncIterator[bytes]:
        """The committed events of this thread with ``after`` < seq <= ``upto``, in order. Raises as the log does."""
        assert self._log is not None
        async for page in self._log.pages(self.run.head, after, upto):
            for frame in page:
                yield frame

    @property
    def run(self) -> RunRecord:
        """The run that it was bound to."""
        assert self._run is not None
        return self._run

    async def blob(self, ref: str) -> bytes:
        """The body of a blob of this thread, once a log that is away is there again. Raises ``Fault`` if there is none, and
        ``DependencyUnavailable`` if the log has failed."""
        log = self._log
        while log is not None and not self._closed:
            try:
                found = await log.blob(self.user_id, self.thread_id, ref)
            except DependencyUnavailable:
                if log.failed:
                    raise
                await asyncio.sleep(AGAIN_S)
                continue
            if found is not None:
                return found[0]
            break
        raise Fault("What a step recorded is not there any more.")

    async def durable(self) -> None:
        """Wait until everything emitted is committed."""
        if self._log is not None and self._run is not None:
            emitted = self._emitted_bytes
            await self._log.durable(self._run)
            self._stored_bytes = max(self._stored_bytes, emitted)

    async def keep_pace(self) -> None:
        """Wait until at most ``most_ahead_bytes`` are emitted that are not known to be stored, each event counted with
        ``FRAME_WEIGHT`` more, so that what one run emits neither fills the memory nor has other users' commits wait for it."""
        while self._emitted_bytes - self._stored_bytes > self.most_ahead_bytes:
            await self.durable()

    def close(self) -> None:
        """Take no event any more. May be called again."""
        if not self._closed:
            self._closed = True
            self._on_close(self)
