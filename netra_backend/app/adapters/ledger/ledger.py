"""The ``Ledger`` port on DuckDB: a database file for each dataset, a child process for each owner who asks, and one for each
import. The event loop waits for none of them, and nothing that a file or a query does happens in this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import stat
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from ...core import ids, validation
from ...core.errors import DependencyUnavailable, QueryRejected, ToolError
from ...core.limits import USUAL, Limits
from ...ports import Clock, Entropy
from ...usage.profile import profile_without_rows
from ...usage.questions import QUESTIONS, allowed
from ...usage.rows import DATASET_COLUMNS
from ..datasets.local import LocalDatasets
from ..datasets.port import Dataset, Datasets, DatasetsChanged, check_room
from . import import_process
from .query_workers import QueryWorkers
from .replies import rebuilt

_PROFILE: Final = "data_profile"
_LOOKS: Final = 3
"""How often a question is put again where another process changes the owner's datasets at that moment."""

_log: Final = logging.getLogger("netra.ledger")

TIDY_S: Final = 30.0
"""How often it is looked whether other processes deleted what children here have open, or copies lie of."""


class DuckDBLedger:
    """Usage rows below ``root``, or in ``datasets``. ``start`` it before use, ``close`` it at the end.

    Any number of processes may answer for one owner: each question is asked of the datasets that there are when it is asked.

    ``questions`` are the ones that may be asked (name → ``module:function``); ``raw_sql`` among them only with
    ``allow_raw_sql``. ``importers`` are formats of files beside ours (``module:name``).
    """

    def __init__(
        self,
        root: Path,
        clock: Clock,
        entropy: Entropy,
        limits: Limits = USUAL,
        *,
        datasets: Datasets | None = None,
        allow_raw_sql: bool = False,
        questions: Mapping[str, str] = QUESTIONS,
        importers: Sequence[str] = (),
        tidy_s: float = TIDY_S,
    ) -> None:
        self._clock = clock
        self._entropy = entropy
        self._importers = list(importers)
        self._questions = allowed(questions, raw_sql=allow_raw_sql)
        self._limits = limits
        self._told_limits = asdict(limits)
        self._tidy_s = tidy_s
        self._kept = datasets or LocalDatasets(root)
        self._children = QueryWorkers(
            clock,
            self._questions,
            list(self._questions),
            limit=limits.process_questions,
            idle_s=limits.question_idle_s,
        )
        self._asked = self._imports_begun = 0
        self._importing = asyncio.Semaphore(limits.process_imports)
        self._asking_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._import_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tidying: asyncio.Task[None] | None = None

    @property
    def children(self) -> QueryWorkers:
        """The child processes, for whoever watches or tunes them."""
        return self._children

    def counts(self) -> Mapping[str, int]:
        return {"questions": self._asked, "imports": self._imports_begun}

    async def start(self) -> None:
        """Remove what killed processes left unfinished, and have a child stand by."""
        await self._kept.start()
        await self._children.stand_by()
        self._tidying = asyncio.create_task(self._tidy_for_ever())

    async def close(self) -> None:
        """End the child processes."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.wait([self._tidying])
        await self._children.close()
        await self._kept.close()

    async def ask(self, owner: str, question: str, arguments: Mapping[str, Any]) -> Any:
        """Answer one question over the owner's rows; see the port. Cancelled, it ends the child that was asked."""
        if question not in self._questions:
            raise QueryRejected(
                "This server does not accept raw SQL",
                point=validation.QUERY_QUESTION,
                field="question",
                hint="Ask with metrics and filters instead, or ask the operator to set NETRA_ALLOW_RAW_SQL=1.",
            )
        asked = {"question": question, "arguments": arguments, "cpu_s": self._limits.question_cpu_s}
        self._asked += 1
        async with _turn(self._asking_turns, owner):
            for _ in range(_LOOKS):
                datasets = await self._kept.of(owner)
                if question == _PROFILE and not datasets:
                    # Most who ask for the first time have no data: no process is needed to say so.
                    return profile_without_rows()
                with contextlib.suppress(DatasetsChanged):
                    return await self._children.ask(
                        owner,
                        _version(datasets),
                        partial(self._opening, owner, datasets),
                        asked,
                        self._limits.question_s,
                    )
        raise DependencyUnavailable("The usage data cannot be opened at the moment.", retry_after_ms=5_000)

    @contextlib.asynccontextmanager
    async def _opening(self, owner: str, datasets: Sequence[Dataset]) -> AsyncIterator[Mapping[str, Any]]:
        async with self._kept.files(owner, datasets) as paths:
            sources = [{"path": str(path), "row": _row(dataset)} for path, dataset in zip(paths, datasets, strict=True)]
            yield {
                "open": {
                    "owner": owner,
                    "sources": sources,
                    "secrets": list(self._kept.secrets),
                    "limits": self._told_limits,
                    "questions": self._questions,
                }
            }

    async def import_usage(
        self, owner: str, path: Path, options: Mapping[str, Any], progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """Import a file whole or not at all; see the port. Cancelled, it leaves nothing behind."""
        await asyncio.to_thread(_check_file, path)
        async with _turn(self._import_turns, owner), self._importing:
            datasets = await self._kept.of(owner)
            check_room(len(datasets), self._limits.datasets)
            self._imports_begun += 1
            now_ms = self._clock.now_ms()
            dataset_id = ids.mint("data", now_ms, self._entropy.take(10))
            async with self._kept.stage(owner, dataset_id) as staged:
                job = {
                    "path": str(path),
                    "staged": str(staged.directory),
                    "options": options,
                    "now_ms": now_ms,
                    "known": {dataset.fingerprint: dataset.dataset_id for dataset in datasets},
                    "limits": self._told_limits,
                    "importers": self._importers,
                }
                reply = await import_process.perform(job, staged.directory, self._limits, progress)
                if "already" in reply:
                    known = next(dataset for dataset in datasets if dataset.dataset_id == reply["already"])
                    return {**_shown(known), "already_imported": True}
                if "answer" not in reply:
                    raise rebuilt(reply, "The import")
                account = reply["answer"]
                if account.get("preview"):
                    return {**account, "name": path.name}
                dataset = _dataset(dataset_id, str(options.get("name") or path.name)[:256], now_ms, account)
                kept = await staged.commit(dataset, self._limits.datasets)
                return {**_shown(kept), "already_imported": kept.dataset_id != dataset_id}

    async def datasets(self, owner: str) -> list[dict[str, Any]]:
        """The owner's datasets, oldest first."""
        return [_shown(dataset) for dataset in await self._kept.of(owner)]

    async def delete_dataset(self, owner: str, dataset_id: str) -> bool:
        """Delete one dataset of the owner; whether there was one."""
        async with _turn(self._asking_turns, owner):
            self._children.retire(owner)
            return await self._kept.delete(owner, dataset_id)

    async def delete_owner(self, owner: str) -> None:
        """Delete everything of the owner; an import that goes on here is waited for and deleted, too, and one that goes on in
        another process comes to nothing."""
        async with _turn(self._import_turns, owner), _turn(self._asking_turns, owner):
            self._children.retire(owner)
            await self._kept.delete_owner(owner)

    async def trim(self, before_ms: int) -> int:
        """Delete datasets that were imported before then, whoever's; how many."""
        count = await self._kept.trim(before_ms)
        if count:
            await self.tidy()
        return count

    async def tidy(self) -> None:
        """End children that have open what is there no more, and let go of local copies of it."""
        for owner in list(self._children.pids):
            async with _turn(self._asking_turns, owner):
                self._children.retire_unless(owner, _version(await self._kept.of(owner)))
        await self._kept.tidy()

    async def _tidy_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._tidy_s)
            try:
                await self.tidy()
            except Exception:
                _log.warning("tidying failed; trying again later", exc_info=True)


@contextlib.asynccontextmanager
async def _turn(turns: WeakValueDictionary[str, asyncio.Lock], owner: str) -> AsyncIterator[None]:
    """One at a time for each owner; a lock lives as long as somebody holds or awaits it."""
    async with turns.setdefault(owner, asyncio.Lock()):
        yield


def _version(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """What tells one state of an owner's datasets from another: none of them ever changes."""
    return tuple(dataset.dataset_id for dataset in datasets)


def _check_file(path: Path) -> None:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        raise ToolError(
            "UNSUPPORTED_FORMAT", f"The file cannot be opened: {error.strerror}.", hint="Check its name."
        ) from None
    if not regular:
        raise ToolError(
            "UNSUPPORTED_FORMAT", "This is not a file.", hint="Name a single file; folders cannot be imported."
        )


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
