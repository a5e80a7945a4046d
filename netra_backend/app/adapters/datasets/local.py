"""The ``Datasets`` of one machine: a directory on its disk, which the processes of one server may share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from .directory import DatasetDirectory
from .port import Dataset, DatasetsChanged, spellings_of

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class LocalDatasets:
    """The datasets below ``root``; see ``Datasets``. The disk is worked in threads, so that the loop never waits for it."""

    def __init__(self, root: Path) -> None:
        self._directory = DatasetDirectory(root)

    @property
    def secrets(self) -> tuple[str, ...]:
        return spellings_of(self._directory.root)

    async def start(self) -> None:
        await asyncio.to_thread(self._directory.recover)

    async def of(self, owner: str) -> list[Dataset]:
        return await asyncio.to_thread(self._directory.datasets, owner)

    @asynccontextmanager
    async def stage(self, owner: str, dataset_id: str) -> AsyncIterator[StagedHere]:
        try:
            path = await to_its_end(self._directory.stage, owner, dataset_id)
            yield StagedHere(self._directory, owner, path)
        finally:
            await asyncio.shield(asyncio.to_thread(self._directory.discard, owner, dataset_id))

    @asynccontextmanager
    async def files(self, owner: str, datasets: Sequence[Dataset]) -> AsyncIterator[list[Path]]:
        paths = [self._directory.rows_file(owner, dataset.dataset_id) for dataset in datasets]
        if not await asyncio.to_thread(lambda: all(path.exists() for path in paths)):
            raise DatasetsChanged
        yield paths

    async def delete(self, owner: str, dataset_id: str) -> bool:
        return await asyncio.to_thread(self._directory.delete, owner, dataset_id)

    async def delete_owner(self, owner: str) -> None:
        await asyncio.to_thread(self._directory.delete_owner, owner)

    async def trim(self, before_ms: int) -> int:
        return await asyncio.to_thread(self._directory.trim, before_ms)

    async def tidy(self) -> None:
        """There are no copies; what a killed process left is removed when the next one starts."""

    async def close(self) -> None:
        """Nothing is held between calls."""


async def to_its_end(work: Callable[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Answer:
    """Do blocking work in a thread. Cancelled, it is waited for: what comes afterwards must not run beside it."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *given, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


class StagedHere:
    """A dataset that is being made in the place where it will lie."""

    def __init__(self, directory: DatasetDirectory, owner: str, path: Path) -> None:
        self._directory = directory
        self._owner = owner
        self.directory = path

    async def commit(self, dataset: Dataset, most: int) -> Dataset:
        return await to_its_end(self._directory.commit, self._owner, dataset, most)
