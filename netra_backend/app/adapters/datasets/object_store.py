"""The ``Datasets`` of a fleet: in an S3-compatible store, so that any process on any machine can answer for any user.

An owner's objects lie below one folder: ``catalogue.json``, which says what there is, and the rows of each dataset. Rows are put
first; the dataset exists from the moment the catalogue names it, and is gone from the moment it does not. Rows that no catalogue
names (a process died in between) are swept a day later. Local copies are read only after the catalogue has been asked.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from ...core.errors import DependencyUnavailable, ToolError
from ...core.ids import check_id
from ...ports import Clock, Entropy
from .bucket import Bucket, Held, Truncated, digest_of
from .cache import Copy, DatasetCache
from .catalogue import EMPTY, Catalogue, Entry, with_entry, without, without_older
from .local import to_its_end
from .port import ROWS_FILE, Dataset, DatasetsChanged, folder_of, spellings_of

_log: Final = logging.getLogger("netra.datasets")
_CATALOGUE: Final = "catalogue.json"
_ROWS: Final = ".duckdb"
_SWEEP: Final = "sweep.json"
_KNOWN: Final = 1_024
_ATTEMPTS: Final = 20
_RECEIVED: Final = 2
_HOUR_MS: Final = 3_600_000
SWEEP_EVERY_MS: Final = 24 * _HOUR_MS
ORPHAN_AFTER_MS: Final = 24 * _HOUR_MS
COMMIT_WITHIN_S: Final = 3_600.0
"""How long after its upload a dataset may still be named: a day after it the rows are swept."""


@dataclass(frozen=True, slots=True)
class _Known:
    held: Held
    catalogue: Catalogue


class ObjectDatasets:
    """The datasets in a bucket; see ``Datasets``."""

    def __init__(self, bucket: Bucket, cache: DatasetCache, clock: Clock, entropy: Entropy) -> None:
        self._bucket = bucket
        self._cache = cache
        self._clock = clock
        self._entropy = entropy
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._look_for_orphans_ms = 0

    @property
    def secrets(self) -> tuple[str, ...]:
        return spellings_of(self._cache.directory)

    async def start(self) -> None:
        await asyncio.to_thread(self._cache.open)
        try:
            await self._bucket.prove()
        except DependencyUnavailable:
            _log.warning("the store for usage data does not answer yet: %s", self._bucket)

    async def of(self, owner: str) -> list[Dataset]:
        return (await self._catalogue(folder_of(owner))).datasets

    @asynccontextmanager
    async def stage(self, owner: str, dataset_id: str) -> AsyncIterator[StagedUpload]:
        check_id("dataset_id", dataset_id)
        folder = folder_of(owner)
        generation = (await self._catalogue(folder)).generation
        directory = self._cache.directory
        try:
            directory = await to_its_end(self._cache.stage, dataset_id)
            yield StagedUpload(self, folder, generation, directory)
        finally:
            if directory != self._cache.directory:
                await asyncio.shield(asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True))

    @asynccontextmanager
    async def files(self, owner: str, datasets: Sequence[Dataset]) -> AsyncIterator[list[Path]]:
        folder = folder_of(owner)
        catalogue = await self._catalogue(folder)
        entries = [catalogue.entry(dataset.dataset_id) for dataset in datasets]
        wanted = [entry for entry in entries if entry is not None]
        if len(wanted) < len(entries):
            raise DatasetsChanged
        self._cache.check_fits(sum(entry.bytes for entry in wanted))
        with self._cache.pinned([(folder, entry.dataset.dataset_id) for entry in wanted]):
            yield [await self._file(folder, entry) for entry in wanted]

    async def delete(self, owner: str, dataset_id: str) -> bool:
        check_id("dataset_id", dataset_id)
        folder = folder_of(owner)
        before, _ = await self._change(folder, lambda catalogue: without(catalogue, [dataset_id]))
        if dataset_id not in before.ids:
            return False
        try:
            await self._bucket.remove([_rows_key(folder, dataset_id)])
        except DependencyUnavailable:
            _log.warning("the rows of a deleted dataset are left for the next sweep")
        return True

    async def delete_owner(self, owner: str) -> None:
        folder = folder_of(owner)
        generation = self._entropy.take(16).hex()
        await self._change(folder, lambda catalogue: Catalogue(generation=generation))
        async for page in self._bucket.pages(folder):
            await self._bucket.remove([meta["path"] for meta in page if not meta["path"].endswith(_CATALOGUE)])

    async def trim(self, before_ms: int) -> int:
        count = 0
        async for folder, _ in self._folders_with_rows_before(before_ms):
            before, after = await self._change(folder, partial(without_older, before_ms=before_ms))
            gone = before.ids - after.ids
            await self._bucket.remove([_rows_key(folder, dataset_id) for dataset_id in gone])
            count += len(gone)
        return count

    async def tidy(self) -> None:
        await asyncio.to_thread(self._cache.drop_idle)
        for folder in self._cache.folders():
            await self._catalogue(folder)
        now_ms = self._clock.now_ms()
        if now_ms >= self._look_for_orphans_ms:
            self._look_for_orphans_ms = now_ms + _HOUR_MS
            if await self._may_sweep(now_ms):
                await self.sweep(now_ms - ORPHAN_AFTER_MS)

    async def sweep(self, before_ms: int) -> int:
        """Remove rows from before then that no catalogue names; how many."""
        count = 0
        async for folder, dataset_ids in self._folders_with_rows_before(before_ms):
            orphans = dataset_ids - (await self._catalogue(folder)).ids
            await self._bucket.remove([_rows_key(folder, dataset_id) for dataset_id in orphans])
            count += len(orphans)
        if count:
            _log.info("removed rows of unfinished imports and deletions: %d", count)
        return count

    async def close(self) -> None:
        await asyncio.to_thread(self._cache.close)

    async def upload(self, folder: str, dataset_id: str, rows: Path) -> None:
        """Put the rows of a dataset, which nobody sees yet."""
        await self._bucket.prove()
        await self._bucket.upload(_rows_key(folder, dataset_id), rows)

    async def publish(self, folder: str, generation: str, entry: Entry, rows: Path, most: int) -> Dataset:
        """Name a dataset in the catalogue, and return what is there; rows that it does not name are removed again."""
        key = _rows_key(folder, entry.dataset.dataset_id)
        until = self._clock.monotonic() + COMMIT_WITHIN_S

        def named(catalogue: Catalogue) -> Catalogue:
            if self._clock.monotonic() > until:
                raise DependencyUnavailable("The store for usage data answered too late; nothing was imported.")
            return with_entry(catalogue, entry, most, generation)

        try:
            _, after = await self._change(folder, named)
        except ToolError:
            await self._bucket.remove([key])
            raise
        # Where it is not known whether the catalogue names them, rows are left to be read, or swept.
        there = after.same_as(entry.dataset)
        assert there is not None  # the change either names the dataset, or finds its fingerprint, or raises
        if there.dataset_id != entry.dataset.dataset_id:
            await self._bucket.remove([key])
            return there
        with suppress(DependencyUnavailable, OSError):  # without a copy here it is fetched when it is asked for
            await asyncio.to_thread(self._keep_copy, (folder, entry.dataset.dataset_id), rows, entry.bytes)
        return entry.dataset

    async def _catalogue(self, folder: str) -> Catalogue:
        """What there is at this moment. Copies of what is there no more are removed."""
        return (await self._look(folder)).catalogue

    async def _look(self, folder: str) -> _Known:
        known = self._known.get(folder)
        held = await self._bucket.read(f"{folder}/{_CATALOGUE}", known.held if known else None)
        if known is None or held is not known.held:
            catalogue = EMPTY if held is None else msgspec.json.decode(held.body, type=Catalogue)
            known = _Known(held or Held(b"", ""), catalogue)
            await asyncio.to_thread(self._cache.keep_only, folder, catalogue.ids)
        if held is not None:
            self._known[folder] = known
            self._known.move_to_end(folder)
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        else:
            self._known.pop(folder, None)
        return known

    async def _change(self, folder: str, change: Callable[[Catalogue], Catalogue]) -> tuple[Catalogue, Catalogue]:
        """Replace the catalogue, over none but the version that was read; it before and after."""
        await self._bucket.prove()
        written: tuple[Catalogue, Catalogue] | None = None
        for _ in range(_ATTEMPTS):
            known = await self._look(folder)
            if written is not None and known.catalogue.revision == written[1].revision:
                return written  # it had been done, and only its answer was lost
            changed = change(known.catalogue)
            if changed is known.catalogue:
                return changed, changed
            changed = msgspec.structs.replace(changed, revision=self._entropy.take(16).hex())
            written = known.catalogue, changed
            over = known.held.tag or None
            if await self._bucket.write(f"{folder}/{_CATALOGUE}", msgspec.json.encode(changed), over=over) is not None:
                await asyncio.to_thread(self._cache.keep_only, folder, changed.ids)
                return written
        raise DependencyUnavailable("Too many processes are changing this usage data at once.", retry_after_ms=2_000)

    async def _file(self, folder: str, entry: Entry) -> Path:
        copy = folder, entry.dataset.dataset_id
        here = self._cache.find(copy)
        if here is not None:
            return here
        for _ in range(_RECEIVED):
            with suppress(Truncated):
                return await self._receive(copy, entry)
        _log.error("the rows in the store are not those that were written: %s", _rows_key(*copy))
        raise DependencyUnavailable("The store for usage data returned something other than what was written.")

    async def _receive(self, copy: Copy, entry: Entry) -> Path:
        await asyncio.to_thread(self._cache.make_room, entry.bytes)
        staged = await to_its_end(self._cache.stage, f"{entry.dataset.dataset_id}-copy")
        try:
            await self._bucket.download(_rows_key(*copy), staged / ROWS_FILE, entry.bytes, entry.sha256)
            return await asyncio.to_thread(self._cache.place, copy, staged / ROWS_FILE)
        except FileNotFoundError:
            raise DatasetsChanged from None
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, staged, ignore_errors=True))

    def _keep_copy(self, copy: Copy, rows: Path, size: int) -> None:
        self._cache.make_room(size)
        self._cache.place(copy, rows)

    async def _may_sweep(self, now_ms: int) -> bool:
        """Whether it is this process that sweeps today: of a fleet one does."""
        held = await self._bucket.read(_SWEEP)
        if held is not None and msgspec.json.decode(held.body, type=int) > now_ms - SWEEP_EVERY_MS:
            return False
        over = held.tag if held is not None else None
        return await self._bucket.write(_SWEEP, msgspec.json.encode(now_ms), over=over) is not None

    async def _folders_with_rows_before(self, before_ms: int) -> AsyncIterator[tuple[str, set[str]]]:
        async for page in self._bucket.pages():
            found: defaultdict[str, set[str]] = defaultdict(set)
            for meta in page:
                folder, _, name = meta["path"].rpartition("/")
                if name.endswith(_ROWS) and meta["last_modified"].timestamp() * 1000 < before_ms:
                    found[folder].add(name.removesuffix(_ROWS))
            for item in found.items():
                yield item


class StagedUpload:
    """A dataset that is made here and will lie in the store."""

    def __init__(self, datasets: ObjectDatasets, folder: str, generation: str, directory: Path) -> None:
        self._datasets = datasets
        self._folder = folder
        self._generation = generation
        self.directory = directory

    async def commit(self, dataset: Dataset, most: int) -> Dataset:
        rows = self.directory / ROWS_FILE
        entry = Entry(dataset, rows.stat().st_size, await asyncio.to_thread(digest_of, rows))
        await self._datasets.upload(self._folder, dataset.dataset_id, rows)
        task = asyncio.ensure_future(self._datasets.publish(self._folder, self._generation, entry, rows, most))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])  # the directory must stay for as long as it is read
            raise


def _rows_key(folder: str, dataset_id: str) -> str:
    return f"{folder}/{dataset_id}{_ROWS}"
