"""Files in a memory store: a backup has them, and who looks waits."""

from __future__ import annotations

from netra_backend.app.core.files import StoredFile
from test_framework.clock import START_MS, ManualClock
from test_framework.memory.files import MemoryFiles
from test_framework.memory.store import MemoryStore


async def test_a_backup_has_the_files_and_is_independent_of_the_store() -> None:
    store, waits = MemoryStore(), list[int]()

    async def wait() -> None:
        waits.append(len(waits))

    files = MemoryFiles(store, ManualClock(), wait)
    await files.begin(StoredFile("file_1", "user_ada", "text/plain", "", 0, START_MS), 1)
    await files.add("user_ada", "file_1", b"one")
    backup = store.copy()
    await files.add("user_ada", "file_1", b"two")
    assert (backup.files["file_1"].parts, store.files["file_1"].parts) == ([b"one"], [b"one", b"two"])
    assert len(waits) == 3
