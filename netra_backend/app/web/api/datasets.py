"""``/api/usage/datasets``: a user's usage data over HTTP."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core import validation
from ...core.errors import DependencyUnavailable, NotFound
from ...core.identity import INGEST, Identity
from ...core.limits import Limits
from ...ports import Ledger
from ...usage.importers.format import column_mapping
from ..http.endpoint import BINARY, NDJSON, Endpoint, Query, json_response
from ..http.ndjson import NdjsonResponse, encode_line
from ..http.problems import Problem, ProblemReporter
from ..http.request_body import parts_of
from ..http.transfers import Transfer, Transfers
from .threads import Deleted

PREFIX: Final = "upload-"
"""How the files begin that hold uploads; one that a killed process left is removed at the next start."""

_BLOCK: Final = 1 << 20
_OPTIONS: Final = ("format", "model", "start", "name")
_FLAGS: Final = ("generated", "preview")
_MAX_OPTION: Final = 512
_MAX_COLUMNS: Final = 64


class Datasets(msgspec.Struct, frozen=True):
    """Each as its import told it."""

    datasets: list[dict[str, Any]]


class Progress(msgspec.Struct, frozen=True):
    """How much has been read, in bytes (of Parquet: rows)."""

    done: int
    total: int


class Imported(msgspec.Struct, frozen=True):
    """The last line of an import that ended well."""

    dataset: dict[str, Any]


class Refused(msgspec.Struct, frozen=True):
    """The last line of an import that did not."""

    problem: Problem


def dataset_endpoints(
    *, ledger: Ledger, transfers: Transfers, problems: ProblemReporter, scratch: Path, limits: Limits
) -> list[Endpoint]:
    """The endpoints of datasets. ``scratch`` is a directory for what is being received."""

    async def datasets(_: Request, identity: Identity) -> Response:
        return json_response(Datasets(await ledger.datasets(identity.user_id)))

    async def upload(request: Request, identity: Identity) -> Response:
        options = _options(request)
        transfer = transfers.begin(identity)
        try:
            file = await transfer.perform(_received(request, scratch, limits))
        except BaseException:
            transfer.close()
            raise
        work = _Import(ledger, problems, identity, transfer, file, options)
        if NDJSON in request.headers.get("accept", ""):
            return NdjsonResponse(work.lines(), work.close)
        try:
            return json_response(await work.perform(lambda done, total: None))
        finally:
            work.close()

    async def delete(request: Request, identity: Identity) -> Response:
        dataset_id = request.path_params["dataset_id"]
        if not await ledger.delete_dataset(identity.user_id, dataset_id):
            raise NotFound("There is no such dataset.", field="dataset_id", point=validation.DATASET_OWNED)
        return json_response(Deleted(dataset_id))

    options = (
        Query("name", str, "The name of the dataset, such as the file's name."),
        Query("format", str, "The format, if it should not be detected."),
        Query("model", str, "Price the rows as this model if the file names none."),
        Query("start", str, "The start time of a trace that has only offsets (ISO 8601)."),
        Query("map", str, "column=header, for tables; repeatable.", many=True),
        Query("preview", str, "1: show what was detected, and import nothing."),
        Query("generated", str, "1: mark the rows as generated."),
    )
    return [
        Endpoint(
            method="GET",
            path="/api/usage/datasets",
            name="listDatasets",
            about="Your usage datasets, oldest first.",
            handler=datasets,
            answer=Datasets,
        ),
        Endpoint(
            method="POST",
            path="/api/usage/datasets",
            name="importUsage",
            about="Import a usage file, all of it or nothing. With Accept: application/x-ndjson the answer "
            "reports progress, one line at a time.",
            handler=upload,
            also_for=INGEST,
            query=options,
            body=BINARY,
            answer=dict[str, Any],
            lines=(Progress, Imported, Refused),
            refusals=("tool_fault", "transfer_limit"),
        ),
        Endpoint(
            method="DELETE",
            path="/api/usage/datasets/{dataset_id}",
            name="deleteDataset",
            about="Delete a dataset for good.",
            handler=delete,
            answer=Deleted,
            refusals=("not_found", "invalid_context"),
        ),
    ]


def _options(request: Request) -> dict[str, Any]:
    """Import options of the query; ``map=column=header`` may be repeated. Raises ``ToolError``."""
    query = request.query_params
    options: dict[str, Any] = {name: query[name][:_MAX_OPTION] for name in _OPTIONS if query.get(name)}
    options |= {name: True for name in _FLAGS if query.get(name) in ("1", "true", "True")}
    mapping = column_mapping(pair[:_MAX_OPTION] for pair in query.getlist("map")[:_MAX_COLUMNS])
    return options | ({"map": mapping} if mapping else {})


async def _received(request: Request, scratch: Path, limits: Limits) -> IO[bytes]:
    """The body as a file that is gone when it is closed."""
    file = tempfile.NamedTemporaryFile(dir=scratch, prefix=PREFIX)  # noqa: SIM115  # closed by the caller
    held = bytearray()
    try:
        async for part in parts_of(
            request, limits, limits.upload_bytes, limits.upload_s, "Compress the file with gzip, or split it."
        ):
            held += part
            if len(held) >= _BLOCK:
                await asyncio.to_thread(_write, file, held, limits.reserved_disk_bytes)
                held = bytearray()
        await asyncio.to_thread(_write, file, held, limits.reserved_disk_bytes)
        file.flush()
    except BaseException:
        file.close()
        raise
    return file


def _write(file: IO[bytes], block: bytearray, reserved: int) -> None:
    # Uploads leave some disk free: the event log must be able to go on.
    if shutil.disk_usage(file.name).free < reserved:
        raise DependencyUnavailable("The server's disk is almost full.", hint="Try again later, and tell the operator.")
    file.write(block)


class _Import:
    """The import of one file that was received."""

    def __init__(
        self,
        ledger: Ledger,
        problems: ProblemReporter,
        identity: Identity,
        transfer: Transfer,
        file: IO[bytes],
        options: dict[str, Any],
    ) -> None:
        self._ledger = ledger
        self._problems = problems
        self._identity = identity
        self._transfer = transfer
        self._file = file
        self._options = options

    async def perform(self, progress: Any) -> dict[str, Any]:
        path = Path(self._file.name)
        work = self._ledger.import_usage(self._identity.user_id, path, self._options, progress)
        return await self._transfer.perform(work)

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Its progress as it goes, then what it came to."""
        progress_lines: asyncio.Queue[Progress | Imported | Refused] = asyncio.Queue(maxsize=1000)
        work = asyncio.create_task(self._report(progress_lines))
        try:
            line: Progress | Imported | Refused = Progress(0, 0)
            while isinstance(line, Progress):
                line = await progress_lines.get()
                yield encode_line(line)
        finally:
            work.cancel()

    async def _report(self, progress_lines: asyncio.Queue[Progress | Imported | Refused]) -> None:
        def progress(done: int, total: int) -> None:
            if progress_lines.qsize() < progress_lines.maxsize // 2:
                progress_lines.put_nowait(Progress(done, total))

        try:
            await progress_lines.put(Imported(await self.perform(progress)))
        except Exception as error:
            await progress_lines.put(Refused(self._problems.report(error, self._identity)))

    def close(self) -> None:
        self._file.close()
        self._transfer.close()
