"""The child process of one import: reads a user's file, writes the staged database file, tells its progress, and ends.

Messages out: ``{"progress": [done, total]}`` while it works; last ``{"answer": …}``, ``{"already": dataset_id}`` or
``{"fault": …}``.
"""

from __future__ import annotations

import errno
import gc
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from ...core.errors import ToolError
from ...core.limits import USUAL, Limits
from ...usage.importers.capabilities import capabilities
from ...usage.importers.format import ImportOptions
from ...usage.importers.importing import Opened, import_rows, open_file, preview
from ...usage.importers.reading.page import Columns
from ...usage.importers.reading.source import broken
from ...usage.importers.registry import load_formats
from ..datasets.fingerprint import Fingerprint
from ..datasets.port import ROWS_FILE
from ..process.child_runtime import Pipe, bound_lifetime, bound_memory
from ..process.sandbox import Sandbox, enter, no_more_threads
from .replies import too_much
from .rows_writer import RowsWriter, parquet_records

Send = Callable[[dict[str, Any]], None]


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the parent asks for. ``known``: fingerprint → dataset, of what the owner has already. ``importers``: where formats
    beside ours are (see ``load_formats``)."""

    path: str
    staged: str
    options: dict[str, Any]
    now_ms: int
    known: dict[str, str]
    importers: list[str] = []
    limits: Limits = USUAL


def perform(job: Job, send: Send, ready: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Import one file into ``job.staged``; the last message. ``ready`` is called before the first byte of the file is read:
    all threads have been started then. Raises ``ToolError``."""
    path = Path(job.path)
    options = ImportOptions.of(job.options)
    progress = _Progress(send)
    formats = load_formats(job.importers)
    tables = partial(parquet_records, engine_bytes=job.limits.import_engine_bytes)
    now = datetime.fromtimestamp(job.now_ms / 1000, UTC)

    def opened() -> Opened:
        return open_file(path, options, now, progress, tables, formats, limits=job.limits)

    if options.preview:
        ready()
        return {"answer": preview(opened())}
    fingerprint = Fingerprint(path, options)
    try:
        answer = _imported(job, options, opened, fingerprint, ready)
    except Exception:
        # Whatever else there is to say of it, a file that is there already was imported.
        if not job.known or fingerprint.value() not in job.known:
            raise
        answer = {}
    if (dataset_id := job.known.get(fingerprint.value())) is not None:
        return {"already": dataset_id}
    return {"answer": {**answer, "fingerprint": fingerprint.value()}}


class _Known(Exception):
    """The file is there already, so it need not be read to its end."""


def _imported(
    job: Job,
    options: ImportOptions,
    open_it: Callable[[], Opened],
    fingerprint: Fingerprint,
    ready: Callable[[], None],
) -> dict[str, Any]:
    """What the staged file holds. Raises ``_Known`` as soon as it shows that nothing needs to be staged."""
    writer = RowsWriter(Path(job.staged) / ROWS_FILE, job.limits.import_engine_bytes)

    def take(columns: Columns) -> None:
        if job.known and fingerprint.known() and fingerprint.value() in job.known:
            raise _Known
        writer.write(columns)

    try:
        ready()
        opened = open_it()
        stats = import_rows(opened, take, job.limits.import_rows)
        first, last, filled = writer.finish()
    except BaseException:
        writer.abandon()
        raise
    return {
        **opened.as_dict(),
        **stats.as_dict(),
        "first_ts_ms": _ms(first),
        "last_ts_ms": _ms(last),
        "capabilities": capabilities(opened.reading.provides, filled),
        "generated": options.generated,
    }


class _Progress:
    """Tells at most two hundred steps of an import, so that a message costs nothing beside the work."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._reported = 0

    def __call__(self, done: int, total: int) -> None:
        if (done - self._reported) * 200 >= total:
            self._reported = done
            self._send({"progress": [done, total]})


def _ms(moment: datetime) -> int:
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)


def fault_of(error: BaseException) -> dict[str, Any]:
    """A fault as a message, in words that hold nothing of the file's place."""
    if not isinstance(error, ToolError):
        if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
            error = broken("The file needs more memory than an import is allowed.", "Import it in parts.")
        elif _is_too_large(error):
            error = too_much()
        else:
            where = error.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            line = f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else "?"
            error = ToolError(
                "TOOL_FAILED",
                f"The import failed ({type(error).__name__} at {line}); nothing was imported.",
                hint="This is an error in the server: tell the operator.",
            )
    return {"fault": {"code": error.code, "message": error.message, "hint": error.hint, "details": error.details}}


def _is_too_large(error: BaseException) -> bool:
    """Whether the system refused to make a file larger; the engine tells it in its own words."""
    return getattr(error, "errno", None) == errno.EFBIG or os.strerror(errno.EFBIG) in str(error)


def serve(pipe: Pipe) -> None:
    """Perform one job. Whatever goes wrong is told to the parent."""
    # The collector would walk hundreds of thousands of rows that hold no cycles, again and again.
    gc.disable()

    def send(message: Mapping[str, Any]) -> None:
        pipe.send(msgspec.json.encode(message))

    message = pipe.receive()
    if message is None:
        return
    job = msgspec.convert(message, Job)
    try:
        # Before the bounds, which are for the file: loading other people's formats does not count.
        load_formats(job.importers)
        enter(Sandbox(files=(Path(job.path),), directory=Path(job.staged), file_bytes=job.limits.import_file_bytes))
        pipe.end_with_parent()
        bound_memory(job.limits.import_memory_bytes)
        bound_lifetime(job.limits.import_cpu_s)
        last = perform(job, send, no_more_threads)
    except Exception as error:
        last = fault_of(error)
    send(last)


if __name__ == "__main__":
    serve(Pipe())
