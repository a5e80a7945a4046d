"""Where datasets lie: one directory an owner, one below it for each dataset, all with names that tell nothing.

A dataset becomes visible by one rename of its finished directory, and vanishes by one: there is never half of one. Paths are
made here, of the owner's id and of ids that the server minted, and are told to no one but the child that opens them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec

from ..core.ids import check_id

ROWS_FILE: Final = "rows.duckdb"
_ABOUT_FILE: Final = "dataset.json"
_STAGED: Final = ".staged-"
_GONE: Final = ".gone-"


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset, as its file tells it. Times are ms since 1970 UTC."""

    dataset_id: str
    name: str
    format: str
    fingerprint: str
    imported_at_ms: int
    rows: int
    rejected: int
    first_ts_ms: int
    last_ts_ms: int
    capabilities: list[str]
    generated: bool
    priced_as: str | None
    account: dict[str, Any]
    """What the import answered."""


class DatasetDirectory:
    """The datasets of all owners below ``root``. Every method names the owner first; nothing is found without one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def recover(self) -> None:
        """Remove what a killed process left unfinished. Called once, before anything is imported."""
        for pattern in (f"*/{_STAGED}*", f"*/{_GONE}*", f"{_GONE}*"):
            for leftover in self._root.glob(pattern):
                shutil.rmtree(leftover, ignore_errors=True)

    def datasets(self, owner: str) -> list[Dataset]:
        """The owner's datasets, oldest first."""
        found = [
            msgspec.json.decode(about.read_bytes(), type=Dataset)
            for about in self._of(owner).glob(f"[!.]*/{_ABOUT_FILE}")
        ]
        return sorted(found, key=lambda dataset: (dataset.imported_at_ms, dataset.dataset_id))

    def rows_file(self, owner: str, dataset_id: str) -> Path:
        """The database file of one dataset of this owner."""
        check_id("dataset_id", dataset_id)
        return self._of(owner) / dataset_id / ROWS_FILE

    def stage(self, owner: str, dataset_id: str) -> Path:
        """A new directory in which a dataset is made."""
        check_id("dataset_id", dataset_id)
        staged = self._of(owner) / f"{_STAGED}{dataset_id}"
        staged.mkdir(mode=0o700, parents=True)
        return staged

    def discard(self, owner: str, dataset_id: str) -> None:
        """Remove a staged directory, if it is still there."""
        shutil.rmtree(self._of(owner) / f"{_STAGED}{dataset_id}", ignore_errors=True)

    def commit(self, owner: str, dataset: Dataset) -> None:
        """Make a staged dataset visible: durable first, then renamed."""
        staged = self._of(owner) / f"{_STAGED}{dataset.dataset_id}"
        about = staged / _ABOUT_FILE
        about.write_bytes(msgspec.json.encode(dataset))
        for durable in (about, staged):
            _sync(durable)
        staged.rename(self._of(owner) / dataset.dataset_id)
        _sync(self._of(owner))

    def delete(self, owner: str, dataset_id: str) -> bool:
        """Delete one dataset; whether there was one."""
        check_id("dataset_id", dataset_id)
        return _vanish(self._of(owner) / dataset_id)

    def delete_owner(self, owner: str) -> None:
        """Delete everything of the owner."""
        _vanish(self._of(owner))

    def trim(self, before_ms: int) -> list[str]:
        """Delete datasets that were imported before then; the folder of the owner of each."""
        folders = []
        for about in self._root.glob(f"[!.]*/[!.]*/{_ABOUT_FILE}"):
            old = msgspec.json.decode(about.read_bytes(), type=Dataset).imported_at_ms < before_ms
            if old and _vanish(about.parent):
                folders.append(about.parent.parent.name)
        return folders

    def folder_of(self, owner: str) -> str:
        """The name of the owner's folder."""
        return self._of(owner).name

    def _of(self, owner: str) -> Path:
        check_id("owner", owner)
        return self._root / hashlib.sha256(b"netra usage\0" + owner.encode()).hexdigest()[:40]


def _vanish(directory: Path) -> bool:
    gone = directory.with_name(f"{_GONE}{directory.name}")
    shutil.rmtree(gone, ignore_errors=True)
    try:
        directory.rename(gone)
    except FileNotFoundError:
        return False
    _sync(directory.parent)
    shutil.rmtree(gone, ignore_errors=True)
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
