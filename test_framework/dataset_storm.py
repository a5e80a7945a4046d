"""A program that changes the datasets of a few owners at random, and judges everything that it sees. Run in several processes at
once over one place, it shows whether they can share it.

``python -m test_framework.dataset_storm PLACE SEED ROUNDS``: PLACE is a directory, or ``s3://…`` and a directory for copies
with a comma between. Each round is told in a line; last ``held``, or what did not hold and exit status 1.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from typing import Final

from netra_backend.app.adapters.datasets.bucket import Bucket
from netra_backend.app.adapters.datasets.cache import DatasetCache
from netra_backend.app.adapters.datasets.local import LocalDatasets
from netra_backend.app.adapters.datasets.object_store import ObjectDatasets
from netra_backend.app.adapters.datasets.port import ROWS_FILE, Dataset, Datasets, DatasetsChanged
from netra_backend.app.adapters.process.clock import SystemClock, SystemEntropy
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.limits import Limits

from .dataset_story import dataset

OWNERS: Final = ("alice", "bob")
FILES: Final = 6
MOST: Final = 4


def datasets_in(place: str) -> Datasets:
    """The datasets of a place, as this process reaches them."""
    url, _, copies = place.partition(",")
    if not copies:
        return LocalDatasets(Path(url))
    clock, entropy = SystemClock(), SystemEntropy()
    cache = DatasetCache(Path(copies), entropy.take(8).hex(), clock, Limits(copies_bytes=1 << 20))
    return ObjectDatasets(Bucket(url), cache, clock, entropy)


class Storm:
    """One process's share of it."""

    def __init__(self, datasets: Datasets, seed: str) -> None:
        self._datasets = datasets
        self._seed = seed
        self._random = random.Random(seed)
        self._made = 0
        self._deleted: set[str] = set()

    async def round(self) -> None:
        """Do one thing, and look. Raises ``AssertionError`` where something does not hold."""
        owner = self._random.choice(OWNERS)
        do = self._random.choices((self._keep, self._delete, self._delete_all, self._tidy), (8, 4, 1, 1))[0]
        await do(owner)
        await self.look(owner)

    async def look(self, owner: str) -> None:
        """What there is, is whole, of this owner, of one file once, no more than allowed, and nothing that was deleted."""
        seen = await self._datasets.of(owner)
        ids = {each.dataset_id for each in seen}
        assert not ids & self._deleted, f"deleted and seen: {ids & self._deleted}"
        assert len({each.fingerprint for each in seen}) == len(seen) <= MOST, f"too many: {seen}"
        try:
            async with self._datasets.files(owner, seen) as paths:
                for each, path in zip(seen, paths, strict=True):
                    assert path.read_text() == _rows(owner, each), f"not what was put: {each.dataset_id}"
        except (DatasetsChanged, FileNotFoundError):
            return  # another process deleted it between the two

    async def _keep(self, owner: str) -> None:
        self._made += 1
        file = self._random.randrange(FILES)
        told = dataset(f"data_{self._seed}.{self._made}", fingerprint=f"file_{file}")
        async with self._datasets.stage(owner, told.dataset_id) as staged:
            (staged.directory / ROWS_FILE).write_text(_rows(owner, told))
            try:
                kept = await staged.commit(told, MOST)
            except ToolError as fault:
                refused: str | None = fault.code
            else:
                refused = None
                assert kept.fingerprint == told.fingerprint, f"another file: {kept}"
        assert refused in (None, "INVALID_ARGUMENTS", "NO_DATA"), refused  # no room, or deleted meanwhile

    async def _delete(self, owner: str) -> None:
        seen = await self._datasets.of(owner)
        if seen:
            chosen = self._random.choice(seen)
            await self._datasets.delete(owner, chosen.dataset_id)
            self._deleted.add(chosen.dataset_id)

    async def _delete_all(self, owner: str) -> None:
        seen = await self._datasets.of(owner)
        await self._datasets.delete_owner(owner)
        self._deleted.update(each.dataset_id for each in seen)

    async def _tidy(self, owner: str) -> None:
        await self._datasets.tidy()


def _rows(owner: str, told: Dataset) -> str:
    return f"{owner} {told.dataset_id} {told.fingerprint} " * 50


async def main(place: str, seed: str, rounds: int) -> int:
    """Rage for so many rounds; the exit status."""
    datasets = datasets_in(place)
    await datasets.start()
    storm = Storm(datasets, seed)
    try:
        for number in range(rounds):
            await storm.round()
            print(number, flush=True)
    except AssertionError as broken:
        print(f"broken: {broken}", flush=True)
        return 1
    finally:
        await datasets.close()
    print("held", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
