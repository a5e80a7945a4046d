"""An owner's catalogue: the one small object that says which datasets there are. It is replaced whole and only ever over the
version that was read, so changes by many processes happen one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from .port import Dataset, admit, deleted_meanwhile, in_order


class Entry(msgspec.Struct, frozen=True):
    """One dataset, and what its rows must be when they are read back."""

    dataset: Dataset
    bytes: int
    sha256: str


class Catalogue(msgspec.Struct, frozen=True):
    """``revision`` is new with each change, so that a writer knows its own; ``generation`` with each deletion of everything,
    so that an import which began before one is known."""

    revision: str = ""
    generation: str = ""
    entries: tuple[Entry, ...] = ()

    @property
    def datasets(self) -> list[Dataset]:
        """Oldest first."""
        return in_order([entry.dataset for entry in self.entries])

    @property
    def ids(self) -> frozenset[str]:
        """Of its datasets."""
        return frozenset(entry.dataset.dataset_id for entry in self.entries)

    def entry(self, dataset_id: str) -> Entry | None:
        """The entry of one dataset."""
        return next((entry for entry in self.entries if entry.dataset.dataset_id == dataset_id), None)

    def same_as(self, dataset: Dataset) -> Dataset | None:
        """The dataset with the same fingerprint."""
        return next((entry.dataset for entry in self.entries if entry.dataset.fingerprint == dataset.fingerprint), None)


EMPTY: Final = Catalogue()


def with_entry(catalogue: Catalogue, entry: Entry, most: int, generation: str) -> Catalogue:
    """With one more dataset; the same object where its fingerprint is there already. Raises ``ToolError`` where there is no
    room, or everything was deleted since ``generation``."""
    if catalogue.generation != generation:
        raise deleted_meanwhile()
    if admit(entry.dataset, catalogue.datasets, most) is not None:
        return catalogue
    return msgspec.structs.replace(catalogue, entries=(*catalogue.entries, entry))


def without(catalogue: Catalogue, dataset_ids: Iterable[str]) -> Catalogue:
    """Without these datasets; the same object where none of them is there."""
    gone = frozenset(dataset_ids)
    kept = tuple(entry for entry in catalogue.entries if entry.dataset.dataset_id not in gone)
    return catalogue if len(kept) == len(catalogue.entries) else msgspec.structs.replace(catalogue, entries=kept)


def without_older(catalogue: Catalogue, before_ms: int) -> Catalogue:
    """Without what was imported before then; the same object where there is none."""
    return without(
        catalogue,
        [each.dataset.dataset_id for each in catalogue.entries if each.dataset.imported_at_ms < before_ms],
    )
