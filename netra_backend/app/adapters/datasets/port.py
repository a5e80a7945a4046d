"""What the ledger asks of the place where datasets lie: whole datasets of one owner, there or not, and never half of one.

Several processes may use one place at a time. What a method tells was true at a moment between call and return, whichever
process changed it; a dataset that was deleted is in no answer that is begun afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from ...core.errors import ToolError
from ...core.ids import check_id

ROWS_FILE: Final = "rows.duckdb"
"""The database file, in the directory where a dataset is made."""


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset, as its import told it. Times are ms since 1970 UTC."""

    dataset_id: str
    name: str
    format: str
    fingerprint: str
    """Of the file and of how it was read: an owner has no two datasets with the same one."""
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


class DatasetsChanged(Exception):
    """What was read of an owner's datasets holds no more, since another process changed them: read them again."""


class Staged(Protocol):
    """A dataset that is being made."""

    @property
    def directory(self) -> Path:
        """A private local directory for ``ROWS_FILE``; gone when the stage is left."""

    async def commit(self, dataset: Dataset, most: int) -> Dataset:
        """Make it visible, whole and durable. What is returned is what is there: another one where the same fingerprint was
        committed meanwhile. Raises ``ToolError`` where the owner has ``most`` datasets or deleted everything since the
        stage was entered."""


class Datasets(Protocol):
    """The datasets of all owners. Every method names the owner first; nothing is found without one.

    A place that others reach over a network raises ``DependencyUnavailable`` where it does not answer.
    """

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that no owner may be told: where the files lie."""

    async def start(self) -> None:
        """Remove what killed processes left. Raises ``ConfigurationError`` where the place cannot do what it must."""

    async def of(self, owner: str) -> list[Dataset]:
        """The owner's datasets, oldest first."""

    def stage(self, owner: str, dataset_id: str) -> AbstractAsyncContextManager[Staged]:
        """Begin a dataset. Left without a commit, or by the death of the process, nothing of it stays."""

    def files(self, owner: str, datasets: Sequence[Dataset]) -> AbstractAsyncContextManager[list[Path]]:
        """The local database files of these datasets, which stay while the context is open (but for a deletion). Raises
        ``DatasetsChanged`` where one is there no more."""

    async def delete(self, owner: str, dataset_id: str) -> bool:
        """Delete one dataset; whether there was one."""

    async def delete_owner(self, owner: str) -> None:
        """Delete everything of the owner. An import that any process began before the call commits nothing after it."""

    async def trim(self, before_ms: int) -> int:
        """Delete datasets that were imported before then, whoever's; how many."""

    async def tidy(self) -> None:
        """Let go of local copies that are needed no more, above all of what was deleted elsewhere. Called now and then."""

    async def close(self) -> None:
        """Let go of what this process holds."""


def folder_of(owner: str) -> str:
    """The name below which everything of the owner lies; it tells nothing."""
    check_id("owner", owner)
    return hashlib.sha256(b"netra usage\0" + owner.encode()).hexdigest()[:40]


def spellings_of(directory: Path) -> tuple[str, ...]:
    """What a directory is called, as it is named and as it is with its links followed."""
    return tuple(sorted({str(directory), str(directory.resolve())}))


def in_order(datasets: Sequence[Dataset]) -> list[Dataset]:
    """Oldest first."""
    return sorted(datasets, key=lambda dataset: (dataset.imported_at_ms, dataset.dataset_id))


def admit(dataset: Dataset, present: Sequence[Dataset], most: int) -> Dataset | None:
    """The dataset that makes ``dataset`` needless, if there is one. Raises ``ToolError`` where there is no room for it."""
    same = next((other for other in present if other.fingerprint == dataset.fingerprint), None)
    if same is None:
        check_room(len(present), most)
    return same


def check_room(count: int, most: int) -> None:
    """Raises ``ToolError`` where an owner who has ``count`` datasets may have no more."""
    if count >= most:
        raise ToolError(
            "INVALID_ARGUMENTS",
            f"You already have {count} datasets, which is the limit.",
            hint="Delete one, or combine files before you import them.",
        )


def deleted_meanwhile() -> ToolError:
    """The answer to an import whose owner deleted everything while it went on."""
    return ToolError(
        "NO_DATA",
        "All data of this user was deleted during the import, so nothing was imported.",
        hint="Import the file again if you still want it.",
    )
