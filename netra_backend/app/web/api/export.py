"""Everything that is kept of a user, or of one thread, as lines: bounded in memory, and with an end that shows it is whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from ...core.events import KnownEvent
from ...core.history import StoredThread, ThreadHead
from ...core.identity import Identity
from ...core.state import USER
from ...ports import Audit, Clock, EventLog, Ledger
from ...services.api_keys import ApiKeys
from ...services.files import Files
from ...services.mcp_servers import McpServers
from ...services.run_budgets import RunBudgets
from ...services.secrets import Secrets
from ...usage.money import pico, usd
from ..http.ndjson import encode_line
from ..http.transfers import Transfer
from .identity import AuditRow
from .keys import ListedApiKey, listed_key

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


class ExportedBlob(_Line, frozen=True, tag="blob"):
    """Bytes that an event of the thread names by ``ref``; ``data`` is Base64."""

    thread_id: str
    ref: str
    media: str
    data: bytes


class ExportedValue(_Line, frozen=True, tag="value"):
    """A value that an agent keeps for the thread, or for the user if there is no thread."""

    thread_id: str | None
    key: str
    value: Any


class ExportedFile(_Line, frozen=True, tag="file"):
    """A file; its parts follow. ``thread_id`` is the thread of the message that it is attached to."""

    file_id: str
    sha256: str
    media: str
    bytes: int
    created_ms: int
    thread_id: str | None


class ExportedFilePart(_Line, frozen=True, tag="file_part"):
    """The next bytes of a file; ``data`` is Base64."""

    file_id: str
    data: bytes


class ExportedSecret(_Line, frozen=True, tag="secret"):
    """That there is a secret; what it is, is in no export."""

    name: str
    updated_ms: int


class ExportedMcpServer(_Line, frozen=True, tag="mcp_server"):
    """An MCP server without its credential; ``origin`` is its address without path and query."""

    id: str
    name: str
    origin: str
    trusted: bool
    updated_ms: int


class ExportedApiKey(_Line, frozen=True, tag="api_key"):
    """An API key; what opens is kept nowhere."""

    key: ListedApiKey


class ExportedDataset(_Line, frozen=True, tag="dataset"):
    """What the import of a dataset told."""

    dataset: dict[str, Any]


class ExportedModelUse(_Line, frozen=True, tag="model_use"):
    """What one attempt at a request to a language model cost; ``usd`` is a decimal text, ``null`` if the model has no price."""

    call_id: str
    attempt: int
    at_ms: int
    model: str
    usd: str | None
    input_tokens: int
    output_tokens: int
    settled: bool


class ExportedAuditRow(_Line, frozen=True, tag="audit"):
    row: AuditRow


class ExportEnd(_Line, frozen=True, tag="end"):
    """The last line, with the number of lines of each kind: an export without it was cut off."""

    counts: dict[str, int]


UserExport = (
    ExportedUser
    | ExportedThread
    | ExportedEvent[KnownEvent]
    | ExportedBlob
    | ExportedValue
    | ExportedFile
    | ExportedFilePart
    | ExportedSecret
    | ExportedMcpServer
    | ExportedApiKey
    | ExportedDataset
    | ExportedModelUse
    | ExportedAuditRow
    | ExportEnd
)
ThreadExport = ExportedThread | ExportedEvent[KnownEvent] | ExportedBlob | ExportedValue | ExportEnd


@dataclass(frozen=True, slots=True)
class Exporter:
    """Reads all that is kept of a user or of a thread, and returns it as lines, until the transfer is ended."""

    log: EventLog
    files: Files
    secrets: Secrets
    mcp_servers: McpServers
    api_keys: ApiKeys
    budgets: RunBudgets
    ledger: Ledger
    audit: Audit
    clock: Clock

    def user(self, identity: Identity, transfer: Transfer) -> AsyncGenerator[bytes, None]:
        """All lines of a user."""
        return _encoded(self._user(identity.user_id), transfer)

    def thread(self, head: ThreadHead, transfer: Transfer) -> AsyncGenerator[bytes, None]:
        """All lines of one thread."""
        return _encoded(self._thread(head), transfer)

    async def _user(self, owner: str) -> AsyncIterator[_Line]:
        yield ExportedUser(owner, self.clock.now_ms())
        async for thread in self._threads(owner):
            head = await self.log.find(thread.thread_id)
            if head is None or head.owner != owner:  # it was deleted while others were exported
                continue
            async for line in self._thread(head):
                yield line
        async for value in self._values(owner, USER):
            yield value
        async for line in self._files(owner):
            yield line
        for name, updated_ms in await self.secrets.names(owner):
            yield ExportedSecret(name, updated_ms)
        for server in await self.mcp_servers.listed(owner):
            yield ExportedMcpServer(server.server_id, server.name, server.origin, server.trusted, server.updated_ms)
        for key in await self.api_keys.of(owner):
            yield ExportedApiKey(listed_key(key))
        for dataset in await self.ledger.datasets(owner):
            yield ExportedDataset(dataset)
        async for line in self._model_uses(owner):
            yield line
        before: int | None = None
        while rows := await self.audit.rows(owner, _PAGE, before):
            before = rows[-1]["id"]
            for row in rows:
                yield ExportedAuditRow(AuditRow(**row))

    async def _model_uses(self, owner: str) -> AsyncIterator[_Line]:
        after = ("", 0)
        while page := await self.budgets.uses(owner, after):
            for use in page:
                cost = None if use.usd is None else usd(pico(use.usd))
                told = use.call_id, use.attempt, use.at_ms, use.model, cost, use.input_tokens, use.output_tokens
                yield ExportedModelUse(*told, use.is_settled)
            after = page[-1].call_id, page[-1].attempt

    async def _files(self, owner: str) -> AsyncIterator[_Line]:
        after = ""
        while page := await self.files.page(owner, after):
            for file in page:
                told = file.file_id, file.sha256, file.media, file.size, file.created_ms, file.thread_id or None
                yield ExportedFile(*told)
                async for part in self.files.content(file):
                    yield ExportedFilePart(file.file_id, part)
            after = page[-1].file_id

    async def _threads(self, owner: str) -> AsyncIterator[StoredThread]:
        before_ms, before_id = None, ""
        while page := await self.log.threads(owner, limit=_PAGE, before_ms=before_ms, before_id=before_id):
            for thread in page:
                yield thread
            before_ms, before_id = page[-1].updated_ms, page[-1].thread_id

    async def _thread(self, head: ThreadHead) -> AsyncIterator[_Line]:
        owner = head.owner
        yield ExportedThread(head.thread_id, head.epoch, head.title, head.oldest, head.durable)
        async for page in self.log.pages(head, 0, head.durable):
            for frame in page:
                yield ExportedEvent(msgspec.Raw(frame))
        async for blob in self._blobs(owner, head.thread_id):
            yield blob
        async for value in self._values(owner, head.thread_id):
            yield value

    async def _values(self, owner: str, thread_id: str) -> AsyncIterator[_Line]:
        after = ""
        while page := await self.log.state.page(owner, thread_id, after):
            for key, value in page:
                yield ExportedValue(thread_id or None, key, msgspec.Raw(value))
            after = page[-1][0]

    async def _blobs(self, owner: str, thread_id: str) -> AsyncIterator[_Line]:
        after = ""
        while named := await self.log.blob_refs(owner, thread_id, after):
            for each in named:
                found = await self.log.blob(owner, thread_id, each.ref)
                if found is not None:  # else it was deleted meanwhile
                    yield ExportedBlob(thread_id, each.ref, found[1], found[0])
            after = named[-1].ref


async def _encoded(lines: AsyncIterator[_Line], transfer: Transfer) -> AsyncGenerator[bytes, None]:
    counts: dict[str, int] = {}
    async for line in lines:
        if transfer.is_ended:
            return
        kind = str(line.__struct_config__.tag)
        counts[kind] = counts.get(kind, 0) + 1
        yield encode_line(line)
    yield encode_line(ExportEnd(counts))
