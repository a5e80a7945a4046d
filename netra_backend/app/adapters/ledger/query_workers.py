"""The child processes that answer questions: few, each bound to one owner, and one that stands by.

A child is killed when its answer takes too long, when the asking task is cancelled, when nobody has asked it for a while, and
when its place is needed: then the one that was asked the longest ago. One more child has its libraries loaded and belongs to
nobody yet, so that an owner's first question does not wait for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

from ...ports import Clock
from ..datasets.port import DatasetsChanged
from ..process.child import ChildDied, ChildProcess
from ..process.prestarted import take
from .replies import death_error, out_of_time, rebuilt

_log: Final = logging.getLogger("netra.ledger")
MODULE: Final = "netra_backend.app.adapters.ledger.query_worker"

Opening = Callable[[], AbstractAsyncContextManager[Mapping[str, Any]]]
"""Makes the ``open`` message for an owner who has no child yet; the files that it names stay while the context is open."""


def warming(questions: Mapping[str, str], names: Sequence[str]) -> dict[str, Any]:
    """The message that has a child load these questions ahead."""
    return {"warm": {"questions": dict(questions), "names": list(names)}}


@dataclass(slots=True)
class _Serving:
    child: ChildProcess
    version: Hashable
    used_at: float
    busy: bool = True


class QueryWorkers:
    """At most ``limit`` children. Calls for one owner must come one after the other; the ledger's turns see to that."""

    def __init__(
        self, clock: Clock, questions: Mapping[str, str], warm: Sequence[str], *, limit: int, idle_s: float
    ) -> None:
        self._clock = clock
        self._warm = warming(questions, warm)
        self._limit = limit
        self._idle_s = idle_s
        self._room = asyncio.Semaphore(limit)
        self._serving: OrderedDict[str, _Serving] = OrderedDict()
        self._spare: ChildProcess | None = None
        self._spare_starting = False
        self._ending: set[asyncio.Task[int]] = set()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def pids(self) -> dict[str, int]:
        """Owner → process id of the child that serves it."""
        return {owner: serving.child.pid for owner, serving in self._serving.items()}

    async def stand_by(self) -> None:
        """Start the spare child, unless there is one."""
        if self._spare is not None or self._spare_starting or self._closed:
            return
        self._spare_starting = True
        try:
            child = await self._new()
        finally:
            self._spare_starting = False
        if self._closed:
            self._end(child)
        else:
            self._spare = child

    async def ask(
        self, owner: str, version: Hashable, opening: Opening, asked: Mapping[str, Any], within_s: float
    ) -> Any:
        """The answer of the owner's child. One that was opened for another ``version`` of the owner's data is ended first.

        Raises what the child raised, ``ToolError`` where it was stopped, and ``DatasetsChanged`` where it could not open
        the files.
        """
        async with self._room:
            self.retire_unless(owner, version)
            serving = self._serving.get(owner) or await self._open(owner, version, opening, within_s)
            serving.busy = True
            try:
                async with asyncio.timeout(within_s):
                    await serving.child.send({"ask": {"owner": owner, **asked}})
                    reply = await serving.child.receive()
            except TimeoutError:
                self.retire(owner)
                raise out_of_time() from None
            except ChildDied as death:
                self.retire(owner)
                raise death_error(death) from None
            except BaseException:
                # Cancelled in the middle of an exchange: the next message would be the answer to this question.
                self.retire(owner)
                raise
            serving.busy = False
            self._was_used(owner, serving)
        if reply.get("worn"):
            self.retire(owner)
        if "answer" in reply:
            return reply["answer"]
        raise rebuilt(reply, str(asked.get("question")))

    async def _open(self, owner: str, version: Hashable, opening: Opening, within_s: float) -> _Serving:
        async with opening() as message:
            child, self._spare = self._spare, None
            if child is None or not child.alive:
                child = await self._new()
            while len(self._serving) >= self._limit:
                # The semaphore let this owner in, so one of these is not at work.
                self.retire(next(other for other, serving in self._serving.items() if not serving.busy))
            serving = self._serving[owner] = _Serving(child, version, self._clock.monotonic())
            try:
                await child.send(message)
                await self.stand_by()
                async with asyncio.timeout(within_s):
                    opened = await child.receive()
            except BaseException as fault:
                self.retire(owner)
                if isinstance(fault, TimeoutError):
                    raise out_of_time() from None
                if isinstance(fault, ChildDied):
                    raise death_error(fault) from None
                raise
        if not opened["opened"]:
            self.retire(owner)
            _log.warning("the usage rows could not be opened: %s", opened.get("why"))
            raise DatasetsChanged
        return serving

    async def _new(self) -> ChildProcess:
        child = await take(MODULE) or await ChildProcess.start(MODULE)
        with contextlib.suppress(ChildDied):
            await child.send(self._warm)
        return child

    def _was_used(self, owner: str, serving: _Serving) -> None:
        serving.used_at = self._clock.monotonic()
        self._serving.move_to_end(owner)
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = asyncio.get_running_loop().call_later(self._idle_s, self.retire_idle)

    def retire_idle(self) -> None:
        """End the children that nobody has asked for the idle time."""
        oldest = self._clock.monotonic() - self._idle_s
        for owner, serving in list(self._serving.items()):
            if not serving.busy and serving.used_at <= oldest:
                self.retire(owner)

    def retire(self, owner: str) -> None:
        """End the owner's child, if there is one; the next question opens the owner's files anew."""
        serving = self._serving.pop(owner, None)
        if serving is not None:
            self._end(serving.child)

    def retire_unless(self, owner: str, version: Hashable) -> None:
        """End the owner's child where it has something else open than this version."""
        serving = self._serving.get(owner)
        if serving is not None and serving.version != version:
            self.retire(owner)

    def _end(self, child: ChildProcess) -> None:
        child.kill()
        task = asyncio.ensure_future(child.ended())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End all children, and wait until they have ended."""
        self._closed = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        for owner in list(self._serving):
            self.retire(owner)
        if self._spare is not None:
            self._end(self._spare)
            self._spare = None
        await asyncio.gather(*self._ending)
