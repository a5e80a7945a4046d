"""``/api/files``: what users attach to their messages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core.files import StoredFile, essence_of
from ...core.identity import Identity
from ...core.limits import Limits
from ...services.files import Files
from ..http.endpoint import ANY, BINARY, NO_STORE, Endpoint, Query, attachment, json_response
from ..http.ndjson import PartsResponse
from ..http.request_body import parts_of
from ..http.request_head import declared_length
from ..http.request_query import text
from ..http.transfers import Transfer, Transfers
from .threads import Deleted


class ReceivedFile(msgspec.Struct, frozen=True):
    """A file that was stored whole: ``sha256`` is the lower-case hexadecimal digest of its bytes."""

    file_id: str
    sha256: str
    media: str
    bytes: int


class ListedFile(msgspec.Struct, frozen=True):
    """``thread_id`` is the thread of the message that the file is attached to; without one it is kept for at most a day."""

    file_id: str
    sha256: str
    media: str
    bytes: int
    created_ms: int
    thread_id: str | None


class ListedFiles(msgspec.Struct, frozen=True):
    """The oldest first. ``file_id`` of the last one is ``after`` of the next page, until one is empty."""

    files: list[ListedFile]


def file_endpoints(*, files: Files, transfers: Transfers, limits: Limits) -> list[Endpoint]:
    """The endpoints of files."""

    async def upload(request: Request, identity: Identity) -> Response:
        transfer = transfers.begin(identity)
        try:
            # The bound of files is theirs to check; that of uploads only keeps an endless body away.
            parts = parts_of(request, limits, max(limits.upload_bytes, limits.file_bytes), limits.upload_s)
            media = essence_of(request.headers.get("content-type", ""))
            size = declared_length(request.headers.raw)
            file = await transfer.perform(files.receive(identity.user_id, media, size, parts))
        finally:
            transfer.close()
        return json_response(ReceivedFile(file.file_id, file.sha256, file.media, file.size), 201)

    async def listed(request: Request, identity: Identity) -> Response:
        found = await files.page(identity.user_id, text(request, "after", 128))
        return json_response(ListedFiles([_listed(file) for file in found]))

    async def download(request: Request, identity: Identity) -> Response:
        file = await files.owned(identity.user_id, request.path_params["file_id"])
        transfer = transfers.begin(identity)
        headers = NO_STORE | attachment(file.media, file.file_id) | {"Content-Length": str(file.size)}
        return PartsResponse(_until_ended(files.content(file), transfer), transfer.close, headers=headers)

    async def delete(request: Request, identity: Identity) -> Response:
        file_id = request.path_params["file_id"]
        await files.delete(identity.user_id, file_id)
        return json_response(Deleted(file_id))

    return [
        Endpoint(
            method="POST",
            path="/api/files",
            name="uploadFile",
            about="Upload a file to attach to a message; its Content-Type must be its own. It is kept for a day unless a "
            "message has it.",
            handler=upload,
            body=BINARY,
            answer=ReceivedFile,
            status=201,
            refusals=("invalid_frame", "transfer_limit", "not_found"),
        ),
        Endpoint(
            method="GET",
            path="/api/files",
            name="listFiles",
            about="Your files, the oldest first.",
            handler=listed,
            answer=ListedFiles,
            query=(Query("after", str, "Only files with a greater id."),),
            refusals=("invalid_frame",),
        ),
        Endpoint(
            method="GET",
            path="/api/files/{file_id}",
            name="readFile",
            about="The bytes of a file, of its own media type, as an attachment.",
            handler=download,
            media=ANY,
            refusals=("not_found", "transfer_limit"),
        ),
        Endpoint(
            method="DELETE",
            path="/api/files/{file_id}",
            name="deleteFile",
            about="Delete a file that no message has. The others are deleted with their threads.",
            handler=delete,
            answer=Deleted,
            refusals=("not_found", "conflict"),
        ),
    ]


def _listed(file: StoredFile) -> ListedFile:
    return ListedFile(file.file_id, file.sha256, file.media, file.size, file.created_ms, file.thread_id or None)


async def _until_ended(parts: AsyncIterator[bytes], transfer: Transfer) -> AsyncGenerator[bytes, None]:
    async for part in parts:
        if transfer.is_ended:
            return
        yield part
