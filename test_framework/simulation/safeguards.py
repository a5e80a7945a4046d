"""The product's safeguards, each to be taken out from outside: a simulation that does not notice proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from netra_backend.app.agents.supervisor import branches as tasks
from netra_backend.app.core.events import Position
from netra_backend.app.core.history import Chunk
from netra_backend.app.core.journal import Journal
from netra_backend.app.core.outbox import Outbox
from netra_backend.app.runs import recovery
from netra_backend.app.runs.accepted_requests import AcceptedRequests
from netra_backend.app.services.event_emitter import UserEventEmitter
from netra_backend.app.services.questions import OpenQuestions
from netra_backend.app.websocket_core.catch_up import CatchUp
from netra_backend.app.websocket_core.outgoing import Outgoing
from netra_backend.app.websocket_core.websocket_connection_pool import WebSocketConnectionPool
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.shared_log import SharedMemoryLog
from test_framework.memory.store import Change, MemoryStore


@contextmanager
def _replaced(owner: Any, **names: Callable[..., Any]) -> Iterator[None]:
    before = {name: getattr(owner, name) for name in names}
    for name, value in names.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


def hold_back() -> AbstractContextManager[None]:
    """Live events go out while the thread is being caught up."""
    deliver = Outgoing.deliver

    def unheld(self: Outgoing, owner: str, thread_id: str, frames: Sequence[bytes]) -> bool:
        held, self.catching_up = self.catching_up, set()
        try:
            return deliver(self, owner, thread_id, frames)
        finally:
            self.catching_up = held

    return _replaced(Outgoing, deliver=unheld)


def epoch_check() -> AbstractContextManager[None]:
    """A position of another history is taken for one of this."""
    replay = CatchUp._replay

    async def unchecked(self: CatchUp, connection: Any, thread_id: str, position: Position, *others: Any) -> None:
        head = await self._log.find(thread_id)
        epoch = position.epoch if head is None else head.epoch
        await replay(self, connection, thread_id, Position(epoch, position.seq), *others)

    return _replaced(CatchUp, _replay=unchecked)


def idempotency() -> AbstractContextManager[None]:
    """A key that was accepted before is taken for a new one."""

    async def forgotten(*_: object) -> None:
        return None

    return _replaced(AcceptedRequests, first_answer=forgotten)


def owner_assertion() -> AbstractContextManager[None]:
    """An outbox takes frames of anybody."""
    put = Outbox.put
    return _replaced(Outbox, put=lambda self, owner, frames: put(self, self.owner, frames))


def journal() -> AbstractContextManager[None]:
    """A run that is taken over begins anew."""
    return _replaced(recovery, Journal=lambda run_id, _: Journal(run_id))


def step_keys() -> AbstractContextManager[None]:
    """A recorded step is found by its order, not by its key."""

    def first(self: Journal, key: str) -> Any:
        return self._steps.pop(next(iter(self._steps))) if self._steps else None

    return _replaced(Journal, _found=first)


def branches() -> AbstractContextManager[None]:
    """A task is on the line of steps that it was created on, and has none of its own."""
    return _replaced(tasks, install=lambda _: None)


def fence() -> AbstractContextManager[None]:
    """A process that was taken for dead may go on writing."""
    return _replaced(MemoryStore, check_fence=lambda *_: None)


def top_heartbeat() -> AbstractContextManager[None]:
    """Heartbeats tell no tops."""
    return _replaced(WebSocketConnectionPool, tops=lambda *_: {})


def claim_before_acting() -> AbstractContextManager[None]:
    """A tool that is not idempotent is called before its claim is committed."""

    async def at_once(*_: object) -> None:
        return None

    return _replaced(UserEventEmitter, durable=at_once)


def commit_before_sending() -> AbstractContextManager[None]:
    """Events are sent when they are appended."""
    take, tell = MemoryEventLog._take, MemoryEventLog._tell

    def eager_take(self: MemoryEventLog, work: list[Chunk] | Change) -> None:
        if isinstance(work, list):
            for chunk in work:
                chunk.head.durable = chunk.last
            self._publish(list(work))
        take(self, work)

    def silent_tell(self: MemoryEventLog) -> None:
        with _replaced(self, _publish=lambda _: None):
            tell(self)

    return _replaced(MemoryEventLog, _take=eager_take, _tell=silent_tell)


SAFEGUARDS: Final[Mapping[str, Callable[[], AbstractContextManager[None]]]] = {
    taken_out.__name__: taken_out
    for taken_out in (
        hold_back,
        epoch_check,
        idempotency,
        owner_assertion,
        journal,
        step_keys,
        branches,
        fence,
        top_heartbeat,
        claim_before_acting,
        commit_before_sending,
    )
}
"""By name: a context in which the product is without it."""


def thread_fence() -> AbstractContextManager[None]:
    """Whoever held a thread once may append to it."""
    return _replaced(MemoryStore, is_current=lambda *_: True)


def key_at_the_store() -> AbstractContextManager[None]:
    """A key that another process has accepted meanwhile is taken for a new one."""
    verdict = SharedMemoryLog._verdict

    def unjudged(self: SharedMemoryLog, chunk: Any) -> str | None:
        why = verdict(self, chunk)
        return None if why == "key_taken" else why

    return _replaced(SharedMemoryLog, _verdict=unjudged)


def forgotten_words() -> AbstractContextManager[None]:
    """A word that was said and not stored is remembered by a process that lost the run."""
    return _replaced(OpenQuestions, forget=lambda *_: None)


def one_after_the_other() -> AbstractContextManager[None]:
    """A request begins while the runs that were left in its thread are still being resumed."""

    async def at_once(*_: object) -> None:
        return None

    return _replaced(recovery.RunRecovery, resumed=at_once)


FLEET_SAFEGUARDS: Final[Mapping[str, Callable[[], AbstractContextManager[None]]]] = {
    taken_out.__name__: taken_out
    for taken_out in (thread_fence, key_at_the_store, forgotten_words, one_after_the_other)
}
"""The same for what only several processes need."""
