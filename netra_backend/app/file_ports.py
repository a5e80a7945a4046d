"""What files of users ask of the outside. The other ports are in ``ports``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from .core.files import StoredFile

Removal = Literal["removed", "absent", "claimed"]
"""What became of a file that was to be removed; a claimed one goes with its thread."""

Reservation = Literal["reserved", "absent", "claimed"]
"""What became of files that were to be reserved: all of them, or none."""


class FileStore(Protocol):
    """Files that users have uploaded, in the store of the event log. Every call names their owner, and sees nobody else's.

    A file is *claimed* if the run exists that it was reserved for, that is, from the commit of that run's first event on.
    It is its thread's from then on: the event log deletes it with the thread, and with the owner.
    """

    async def begin(self, file: StoredFile, most: int) -> bool:
        """Begin a file without parts, which nobody finds before it is finished. ``False`` if the owner has ``most`` files
        by now, the begun ones included."""

    async def add(self, owner: str, file_id: str, part: bytes) -> bool:
        """Add the next part, of at most ``core.files.PART_BYTES``. ``False`` if there is no such file any more."""

    async def finish(self, owner: str, file_id: str, sha256: str, size: int, most_bytes: int) -> bool:
        """From now on it is found. ``False`` if it is gone, or if the owner's finished files would have more than
        ``most_bytes`` with it."""

    async def find(self, owner: str, file_id: str) -> StoredFile | None:
        """The owner's finished file."""

    async def page(self, owner: str, after: str = "") -> list[StoredFile]:
        """The owner's finished files with greater ids, in order; at most 100."""

    def parts(self, owner: str, file_id: str) -> AsyncIterator[bytes]:
        """What it consists of, in order, finished or not; nothing more once it is gone."""

    async def reserve(self, owner: str, file_ids: Sequence[str], thread_id: str, run_id: str) -> Reservation:
        """Reserve finished files for a run that is about to begin in the owner's thread: until it exists, ``release`` is
        called, or ``core.files.RESERVED_MS`` have passed."""

    async def release(self, owner: str, run_id: str) -> None:
        """The run will not exist: its files are free again. Does nothing if it exists."""

    async def remove(self, owner: str, file_id: str) -> Removal:
        """Delete a file, finished or not, unless it is claimed or reserved."""

    async def expire(self, before_ms: int) -> int:
        """Delete files, whoever's, that were begun and last reserved before then and are not claimed; how many, at most
        100."""


class Scan(Protocol):
    """An operator's look at a file."""

    async def __call__(self, parts: AsyncIterator[bytes]) -> bool:
        """Whether the file may be kept. Raises ``DependencyUnavailable`` if nobody can say."""
