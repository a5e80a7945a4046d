"""The ``Ledger`` port on DuckDB: a database file for each dataset, a child process for each owner who asks, and one for each
import. The event loop waits for none of them, and nothing that a file or a query does happens in this process."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from ..core import ids, validation
from ..core.errors import QueryRejected, ToolFault
from ..ports import Clock, Entropy
from ..usage.profile import profile_without_rows
from ..usage.questions import QUESTIONS
from ..usage.rows import DATASET_COLUMNS
from .child_process import ChildDied, ChildProcess
from .dataset_directory import Dataset, DatasetDirectory
from .ledger_replies import death_told, out_of_time, rebuilt
from .question_children import QuestionChildren

_PROFILE: Final = "data_profile"
_IMPORT_CHILD: Final = "netra_backend.app.adapters.import_child"


@dataclass(frozen=True, slots=True)
class LedgerBounds:
    """What one question, one import and one owner may use. ``…_bytes`` are address space beyond the loaded libraries'."""

    question_s: float = 25.0
    question_cpu_s: int = 25
    question_bytes: int = 896 << 20
    import_silence_s: float = 120.0
    """An import that tells no progress for so long is ended."""
    import_cpu_s: int = 3_600
    import_bytes: int = 1 << 30
    children: int = 4
    imports: int = 2
    idle_s: float = 120.0
    datasets: int = 100


class DuckDBLedger:
    """Usage rows below ``root``. ``start`` it before use, ``close`` it at the end.

    ``questions`` are the ones that may be asked (name → ``module:function``); ``raw_sql`` among them only with
    ``allow_raw_sql``.
    """

    def __init__(
        self,
        root: Path,
        clock: Clock,
        entropy: Entropy,
        *,
        allow_raw_sql: bool = False,
        bounds: LedgerBounds | None = None,
        questions: Mapping[str, str] = QUESTIONS,
    ) -> None:
        self._root = root
        self._clock = clock
        self._entropy = entropy
        self._questions = {name: path for name, path in questions.items() if allow_raw_sql or name != "raw_sql"}
        self._bounds = bounds = bounds or LedgerBounds()
        self._directory = DatasetDirectory(root)
        self._children = QuestionChildren(
            clock, self._questions, list(self._questions), limit=bounds.children, idle_s=bounds.idle_s
        )
        self._asked = self._imports_begun = 0
        self._importing = asyncio.Semaphore(bounds.imports)
        self._asking_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._import_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def children(self) -> QuestionChildren:
        """The child processes, for whoever watches or tunes them."""
        return self._children

    def counts(self) -> Mapping[str, int]:
        return {"questions": self._asked, "imports": self._imports_begun}

    async def start(self) -> None:
        """Remove what a killed process left unfinished, and have a child stand by."""
        await asyncio.to_thread(self._directory.recover)
        await self._children.stand_by()

    async def close(self) -> None:
        """End the child processes."""
        await self._children.close()

    async def ask(self, owner: str, question: str, arguments: Mapping[str, Any]) -> Any:
        """Answer one question over the owner's rows; see the port. Cancelled, it ends the child that was asked."""
        if question not in self._questions:
            raise QueryRejected(
                f"{question} is not answered on this server",
                point=validation.QUERY_QUESTION,
                field="question",
                hint="Raw SQL is answered where an operator sets NETRA_ALLOW_RAW_SQL=1; ask with metrics and filters.",
            )
        if question == _PROFILE and not await self._datasets(owner):
            return (
                profile_without_rows()
            )  # most who ask for the first time have no data: no process is needed to say so
        asked = {"question": question, "arguments": arguments, "cpu_s": self._bounds.question_cpu_s}
        self._asked += 1
        async with _turn(self._asking_turns, owner):
            return await self._children.ask(owner, lambda: self._opening(owner), asked, self._bounds.question_s)

    async def _opening(self, owner: str) -> Mapping[str, Any]:
        datasets = await self._datasets(owner)
        return {
            "open": {
                "owner": owner,
                "sources": [
                    {"path": str(self._directory.rows_file(owner, dataset.dataset_id)), "row": _row(dataset)}
                    for dataset in datasets
                ],
                "secrets": sorted({str(self._root), str(self._root.resolve())}),
                "memory_bytes": self._bounds.question_bytes,
                "questions": self._questions,
            }
        }

    async def import_usage(
        self, owner: str, path: Path, options: Mapping[str, Any], progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """Import a file whole or not at all; see the port. Cancelled, it leaves nothing behind."""
        await asyncio.to_thread(_check_file, path)
        async with _turn(self._import_turns, owner), self._importing:
            datasets = await self._datasets(owner)
            if len(datasets) >= self._bounds.datasets:
                raise ToolFault(
                    "INVALID_ARGUMENTS",
                    f"There are {len(datasets)} datasets already, and no more are kept.",
                    hint="Delete one, or join files before importing them.",
                )
            self._imports_begun += 1
            now_ms = self._clock.now_ms()
            dataset_id = ids.mint("data", now_ms, self._entropy.take(10))
            try:
                staged = await asyncio.to_thread(self._directory.stage, owner, dataset_id)
                job = {
                    "path": str(path),
                    "staged": str(staged),
                    "options": options,
                    "now_ms": now_ms,
                    "known": {dataset.fingerprint: dataset.dataset_id for dataset in datasets},
                    "memory_bytes": self._bounds.import_bytes,
                    "cpu_s": self._bounds.import_cpu_s,
                }
                told = await self._imported(job, progress)
                if "already" in told:
                    known = next(dataset for dataset in datasets if dataset.dataset_id == told["already"])
                    return {**_shown(known), "already_imported": True}
                if "answer" not in told:
                    raise rebuilt(told, "The import")
                account = told["answer"]
                if account.get("preview"):
                    return {**account, "name": path.name}
                dataset = _dataset(dataset_id, str(options.get("name") or path.name)[:256], now_ms, account)
                async with _turn(self._asking_turns, owner):
                    await asyncio.to_thread(self._directory.commit, owner, dataset)
                    self._children.retire(owner)
                return {**_shown(dataset), "already_imported": False}
            finally:
                await asyncio.shield(asyncio.to_thread(self._directory.discard, owner, dataset_id))

    async def _imported(self, job: Mapping[str, Any], progress: Callable[[int, int], None]) -> dict[str, Any]:
        child = await ChildProcess.start(_IMPORT_CHILD)
        try:
            await child.send(job)
            while True:
                async with asyncio.timeout(self._bounds.import_silence_s):
                    told = await child.receive()
                if "progress" not in told:
                    return told
                progress(*told["progress"])
        except TimeoutError:
            raise out_of_time() from None
        except ChildDied as death:
            raise death_told(death) from None
        finally:
            child.kill()
            await asyncio.shield(child.ended())

    async def datasets(self, owner: str) -> list[dict[str, Any]]:
        """The owner's datasets, oldest first."""
        return [_shown(dataset) for dataset in await self._datasets(owner)]

    async def _datasets(self, owner: str) -> list[Dataset]:
        return await asyncio.to_thread(self._directory.datasets, owner)

    async def delete_dataset(self, owner: str, dataset_id: str) -> bool:
        """Delete one dataset of the owner; whether there was one."""
        async with _turn(self._asking_turns, owner):
            self._children.retire(owner)
            return await asyncio.to_thread(self._directory.delete, owner, dataset_id)

    async def delete_owner(self, owner: str) -> None:
        """Delete everything of the owner; an import that goes on is waited for and deleted, too."""
        async with _turn(self._import_turns, owner), _turn(self._asking_turns, owner):
            self._children.retire(owner)
            await asyncio.to_thread(self._directory.delete_owner, owner)

    async def trim(self, before_ms: int) -> int:
        """Delete datasets that were imported before then, whoever's; how many."""
        folders = await asyncio.to_thread(self._directory.trim, before_ms)
        for owner in [owner for owner in self._children.pids if self._directory.folder_of(owner) in folders]:
            async with _turn(self._asking_turns, owner):
                self._children.retire(owner)
        return len(folders)


@contextlib.asynccontextmanager
async def _turn(turns: WeakValueDictionary[str, asyncio.Lock], owner: str) -> AsyncIterator[None]:
    """One at a time for each owner; a lock lives as long as somebody holds or awaits it."""
    async with turns.setdefault(owner, asyncio.Lock()):
        yield


def _check_file(path: Path) -> None:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        raise ToolFault(
            "UNSUPPORTED_FORMAT", f"The file cannot be opened: {error.strerror}.", hint="Check its name."
        ) from None
    if not regular:
        raise ToolFault("UNSUPPORTED_FORMAT", "That is not a file.", hint="Name one file; a folder is not imported.")


def _dataset(dataset_id: str, name: str, now_ms: int, account: Mapping[str, Any]) -> Dataset:
    return Dataset(
        dataset_id=dataset_id,
        name=name,
        format=account["format"],
        fingerprint=account["fingerprint"],
        imported_at_ms=now_ms,
        rows=account["accepted"],
        rejected=account["rejected"],
        first_ts_ms=account["first_ts_ms"],
        last_ts_ms=account["last_ts_ms"],
        capabilities=account["capabilities"],
        generated=account["generated"],
        priced_as=account["priced_as"],
        account={name: value for name, value in account.items() if name not in Dataset.__struct_fields__},
    )


def _shown(dataset: Dataset) -> dict[str, Any]:
    """A dataset as its owner sees it."""
    return {
        "dataset_id": dataset.dataset_id,
        "name": dataset.name,
        "format": dataset.format,
        "imported_at": _iso(dataset.imported_at_ms),
        "first_ts": _iso(dataset.first_ts_ms),
        "last_ts": _iso(dataset.last_ts_ms),
        "rows": dataset.rows,
        "rejected": dataset.rejected,
        "capabilities": dataset.capabilities,
        "generated": dataset.generated,
        "priced_as": dataset.priced_as,
        **dataset.account,
    }


def _row(dataset: Dataset) -> list[Any]:
    """A dataset as its row of the relation ``datasets``: its values in the order of ``DATASET_COLUMNS``."""
    shown = _shown(dataset)
    return [shown[column] for column in DATASET_COLUMNS]


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
