"""``/api/usage/datasets``: a user's usage data over HTTP."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..core import validation
from ..core.errors import FrameRefused, NetraError, NotFound
from ..core.identity import Identity
from .http_support import door, json_response, problem
from .runtime import Runtime

Upload = IO[bytes]
MAX_UPLOAD_BYTES: Final = 4 << 30
STREAM: Final = "application/x-ndjson"
_OPTIONS: Final = ("format", "model", "start", "name")
_FLAGS: Final = ("generated", "preview")


def dataset_routes(runtime: Runtime) -> list[Route]:
    """The routes of datasets."""

    async def datasets(_: Request, identity: Identity) -> Response:
        return json_response({"datasets": await runtime.ledger.datasets(identity.user_id)})

    async def upload(request: Request, identity: Identity) -> Response:
        options = _options(request)
        upload = await _received(request, runtime.settings.data_dir)
        if STREAM in request.headers.get("accept", ""):
            return StreamingResponse(_import_told(runtime, identity, upload, options), media_type=STREAM)
        with upload:
            path = Path(upload.name)
            answer = await runtime.ledger.import_usage(identity.user_id, path, options, lambda done, total: None)
        return json_response(answer)

    async def delete(request: Request, identity: Identity) -> Response:
        dataset_id = request.path_params["dataset_id"]
        if not await runtime.ledger.delete_dataset(identity.user_id, dataset_id):
            raise NotFound("There is no such dataset.", field="dataset_id", point=validation.DATASET_OWNED)
        return json_response({"deleted": dataset_id})

    return [
        Route("/api/usage/datasets", door(runtime, datasets), methods=["GET"]),
        Route("/api/usage/datasets", door(runtime, upload), methods=["POST"]),
        Route("/api/usage/datasets/{dataset_id}", door(runtime, delete), methods=["DELETE"]),
    ]


def _options(request: Request) -> dict[str, Any]:
    """Import options from the query: ``format``, ``model``, ``start``, ``name``, ``map=column=header`` (again and again)."""
    query = request.query_params
    options: dict[str, Any] = {name: query[name][:512] for name in _OPTIONS if query.get(name)}
    options |= {name: True for name in _FLAGS if query.get(name) in ("1", "true")}
    mapping = dict(pair.split("=", 1) for pair in query.getlist("map")[:64] if "=" in pair)
    return options | ({"map": mapping} if mapping else {})


async def _received(request: Request, directory: Path) -> Upload:
    """The body as a file that is gone when it is closed."""
    upload = tempfile.NamedTemporaryFile(dir=directory, prefix="upload-")  # noqa: SIM115  # closed by the caller
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_UPLOAD_BYTES:
                raise FrameRefused(
                    f"A file may have {MAX_UPLOAD_BYTES >> 30} GiB; compress it with gzip, or split it.",
                    kind="payload_too_large",
                    point=validation.DATASET_SIZE,
                )
            await asyncio.to_thread(upload.write, part)
        upload.flush()
    except BaseException:
        upload.close()
        raise
    return upload


async def _import_told(
    runtime: Runtime, identity: Identity, upload: Upload, options: dict[str, Any]
) -> AsyncIterator[bytes]:
    """Lines of JSON: ``{"done", "total"}`` as it goes, then ``{"dataset"}`` or ``{"problem"}``."""
    lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(maxsize=1000)
    work = asyncio.create_task(_import(runtime, identity, Path(upload.name), options, lines))
    try:
        while (line := await lines.get()) is not None:
            yield msgspec.json.encode(line) + b"\n"
    finally:
        work.cancel()
        upload.close()


async def _import(
    runtime: Runtime,
    identity: Identity,
    path: Path,
    options: dict[str, Any],
    lines: asyncio.Queue[dict[str, Any] | None],
) -> None:
    def progress(done: int, total: int) -> None:
        if lines.qsize() < lines.maxsize // 2:
            lines.put_nowait({"done": done, "total": total})

    try:
        answer = await runtime.ledger.import_usage(identity.user_id, path, options, progress)
        await lines.put({"dataset": answer})
    except NetraError as error:
        await lines.put({"problem": msgspec.Raw(bytes(problem(error).body))})
    finally:
        await lines.put(None)
