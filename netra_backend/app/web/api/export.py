"""Everything that is kept of a user, or of one thread, as lines: bounded in memory, and with an end that shows it is whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final, Generic, TypeVar

import msgspec

from ...core.events import AnyEvent
from ...core.history import StoredThread, ThreadHead
from ...core.identity import Identity
from ...server.runtime import Runtime
from ..http.support import encode_line
from ..http.transfers import Transfer
from .identity import AuditRow

_PAGE: Final = 100
E_ = TypeVar("E_")


class _Line(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of the lines of an export."""


class ExportedUser(_Line, frozen=True, tag="user"):
    """The first line of a user's export."""

    user_id: str
    exported_at_ms: int


class ExportedThread(_Line, frozen=True, tag="thread"):
    """A thread; its events follow."""

    thread_id: str
    epoch: str
    title: str
    oldest: int
    top: int


class ExportedEvent(_Line, Generic[E_], frozen=True, tag="event"):
    event: E_


class ExportedDataset(_Line, frozen=True, tag="dataset"):
    """What the import of a dataset told."""

    dataset: dict[str, Any]


class ExportedAuditRow(_Line, frozen=True, tag="audit"):
    row: AuditRow


class ExportEnd(_Line, frozen=True, tag="end"):
    """The last line, with the number of lines of each kind: an export without it was cut off."""

    counts: dict[str, int]


UserExport = ExportedUser | ExportedThread | ExportedEvent[AnyEvent] | ExportedDataset | ExportedAuditRow | ExportEnd
ThreadExport = ExportedThread | ExportedEvent[AnyEvent] | ExportEnd


async def user_export(runtime: Runtime, identity: Identity, transfer: Transfer) -> AsyncGenerator[bytes, None]:
    """All lines of a user, until ``transfer`` is ended."""
    async for line in _counted(_of_user(runtime, identity.user_id), transfer):
        yield line


async def thread_export(runtime: Runtime, head: ThreadHead, transfer: Transfer) -> AsyncGenerator[bytes, None]:
    """All lines of one thread, until ``transfer`` is ended."""
    async for line in _counted(_of_thread(runtime, head), transfer):
        yield line


async def _counted(lines: AsyncIterator[_Line], transfer: Transfer) -> AsyncIterator[bytes]:
    counts: dict[str, int] = {}
    async for line in lines:
        if transfer.is_ended:
            return
        kind = str(line.__struct_config__.tag)
        counts[kind] = counts.get(kind, 0) + 1
        yield encode_line(line)
    yield encode_line(ExportEnd(counts))


async def _of_user(runtime: Runtime, owner: str) -> AsyncIterator[_Line]:
    yield ExportedUser(owner, runtime.clock.now_ms())
    async for thread in _threads(runtime, owner):
        head = await runtime.log.find(thread.thread_id)
        if head is None or head.owner != owner:  # it was deleted while others were told
            continue
        async for line in _of_thread(runtime, head):
            yield line
    for dataset in await runtime.ledger.datasets(owner):
        yield ExportedDataset(dataset)
    before: int | None = None
    while rows := await runtime.audit.rows(owner, _PAGE, before):
        before = rows[-1]["id"]
        for row in rows:
            yield ExportedAuditRow(AuditRow(**row))


async def _threads(runtime: Runtime, owner: str) -> AsyncIterator[StoredThread]:
    before_ms, before_id = None, ""
    while page := await runtime.log.threads(owner, limit=_PAGE, before_ms=before_ms, before_id=before_id):
        for thread in page:
            yield thread
        before_ms, before_id = page[-1].updated_ms, page[-1].thread_id


async def _of_thread(runtime: Runtime, head: ThreadHead) -> AsyncIterator[_Line]:
    yield ExportedThread(head.thread_id, head.epoch, head.title, head.oldest, head.durable)
    async for page in runtime.log.pages(head, 0, head.durable):
        for frame in page:
            yield ExportedEvent(msgspec.Raw(frame))
