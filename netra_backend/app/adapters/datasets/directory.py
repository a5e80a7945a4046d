"""Where datasets lie on a local disk: one directory an owner, one below it for each dataset, all with names that tell nothing.

A dataset becomes visible by one rename of its finished directory, and vanishes by one: there is never half of one. Several
processes may share a directory: whoever changes something of an owner holds a lock of that owner's for as long as the change
takes, which is short, and whoever makes a dataset holds its directory for as long as it lives. Readers need no lock.

Paths are made here, of the owner's id and of ids that the server minted, and are told to no one but the child that opens them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from ...core.errors import DependencyUnavailable
from ...core.ids import check_id
from ..process.data_directory import make_private
from ..process.durable_files import sync, write_synced
from ..process.file_locks import lock_within
from .held_directory import hold, remove_unless_held
from .port import ROWS_FILE, Dataset, admit, deleted_meanwhile, folder_of, in_order

_ABOUT_FILE: Final = "dataset.json"
_STAGED: Final = ".staged-"
_GONE: Final = ".gone-"
_LOCKS: Final = ".locks"
_CALLED_OFF: Final = ".called-off"
"""In a staged directory: its owner deleted everything since, so it must not be committed."""

_LOCK_WITHIN_S: Final = 10.0
_LOCK_EVERY_S: Final = 0.005


class DatasetDirectory:
    """The datasets of all owners below ``root``. Every method names the owner first; nothing is found without one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._held: dict[Path, int] = {}
        """The staged directories of this process, with the descriptors that hold them."""

    def recover(self) -> None:
        """Remove what killed processes left unfinished. What living ones are about is left alone."""
        for folder in _inside(self.root):
            unfinished = [folder] if folder.name.startswith(_GONE) else _inside(folder, _STAGED, _GONE)
            for leftover in unfinished:
                with self._changing(folder.name.removeprefix(_GONE)):
                    remove_unless_held(leftover)

    def datasets(self, owner: str) -> list[Dataset]:
        """The owner's datasets, oldest first."""
        found = (_read(directory) for directory in _visible(self._of(owner)))
        return in_order([dataset for dataset in found if dataset is not None])

    def rows_file(self, owner: str, dataset_id: str) -> Path:
        """The database file of one dataset of this owner."""
        check_id("dataset_id", dataset_id)
        return self._of(owner) / dataset_id / ROWS_FILE

    def stage(self, owner: str, dataset_id: str) -> Path:
        """A new directory in which a dataset is made; ``discard`` it at the end, whatever came of it."""
        check_id("dataset_id", dataset_id)
        staged = self._staged(owner, dataset_id)
        with self._changing(staged.parent.name):
            make_private(staged.parent)
            staged.mkdir(mode=0o700)
            self._held[staged] = hold(staged)
        return staged

    def discard(self, owner: str, dataset_id: str) -> None:
        """Let go of a staged directory, and remove it if it is still there."""
        staged = self._staged(owner, dataset_id)
        shutil.rmtree(staged, ignore_errors=True)
        descriptor = self._held.pop(staged, None)
        if descriptor is not None:
            os.close(descriptor)

    def commit(self, owner: str, dataset: Dataset, most: int) -> Dataset:
        """Make a staged dataset visible: durable first, then renamed. Returns what is there; see ``Staged.commit``."""
        staged = self._staged(owner, dataset.dataset_id)
        with self._changing(staged.parent.name):
            if not staged.is_dir() or (staged / _CALLED_OFF).exists():
                raise deleted_meanwhile()
            same = admit(dataset, self.datasets(owner), most)
            if same is not None:
                return same
            write_synced(staged / _ABOUT_FILE, msgspec.json.encode(dataset))
            sync(staged)
            staged.rename(staged.with_name(dataset.dataset_id))
            sync(staged.parent)
        return dataset

    def delete(self, owner: str, dataset_id: str) -> bool:
        """Delete one dataset; whether there was one."""
        check_id("dataset_id", dataset_id)
        folder = self._of(owner)
        with self._changing(folder.name):
            return _vanish(folder / dataset_id)

    def delete_owner(self, owner: str) -> None:
        """Delete everything of the owner. What other processes are making for them is called off, and theirs to remove."""
        folder = self._of(owner)
        with self._changing(folder.name):
            for staged in _inside(folder, _STAGED):
                if not remove_unless_held(staged):
                    with suppress(FileNotFoundError):  # it has just been given up
                        (staged / _CALLED_OFF).touch(mode=0o600)
            for directory in _visible(folder):
                _vanish(directory)
            with suppress(OSError):  # not there, or not empty
                folder.rmdir()

    def trim(self, before_ms: int) -> int:
        """Delete datasets that were imported before then; how many."""
        count = 0
        for folder in _visible(self.root):
            for directory in _visible(folder):
                dataset = _read(directory)
                if dataset is not None and dataset.imported_at_ms < before_ms:
                    with self._changing(folder.name):
                        count += _vanish(directory)
        return count

    def _of(self, owner: str) -> Path:
        return self.root / folder_of(owner)

    def _staged(self, owner: str, dataset_id: str) -> Path:
        return self._of(owner) / f"{_STAGED}{dataset_id}"

    @contextmanager
    def _changing(self, folder: str) -> Iterator[None]:
        """One at a time changes what lies in a folder, over all threads and processes.

        Owners share 256 lock files, so that none is made for each and none has to be removed.
        """
        locks = self.root / _LOCKS
        make_private(locks)
        descriptor = os.open(locks / folder[:2], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Nobody waits long: whoever holds the lock may have been frozen with it.
            if not lock_within(descriptor, _LOCK_WITHIN_S, every=_LOCK_EVERY_S):
                raise DependencyUnavailable("Another process is changing the usage data.", retry_after_ms=5_000)
            yield
        finally:
            os.close(descriptor)


def _inside(directory: Path, *beginnings: str) -> list[Path]:
    """What lies in a directory and begins so; nothing where another process has just removed it."""
    try:
        return [path for path in directory.iterdir() if path.name.startswith(beginnings or "")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _visible(directory: Path) -> list[Path]:
    """What is there for readers: neither being made nor being removed."""
    return [path for path in _inside(directory) if not path.name.startswith(".")]


def _read(directory: Path) -> Dataset | None:
    """What a dataset is; ``None`` where another process has just removed it."""
    try:
        return msgspec.json.decode((directory / _ABOUT_FILE).read_bytes(), type=Dataset)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _vanish(directory: Path) -> bool:
    gone = directory.with_name(f"{_GONE}{directory.name}")
    shutil.rmtree(gone, ignore_errors=True)
    try:
        directory.rename(gone)
    except FileNotFoundError:
        return False
    sync(directory.parent)
    shutil.rmtree(gone, ignore_errors=True)
    return True
