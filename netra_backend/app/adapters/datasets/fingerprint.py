"""What tells one imported file from another, found out while the file is being read."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Final

import msgspec

from ...usage.importers.format import ImportOptions

_READ: Final = 4 << 20
"""Bytes that are hashed without asking for the interpreter: each time, it may be held by the import for some milliseconds."""


class Fingerprint:
    """The same bytes read in the same way are the same dataset; what it is called makes no other.

    A thread of its own hashes the file, and holds no interpreter meanwhile.
    """

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self._path = path
        self._digest = hashlib.sha256(
            msgspec.json.encode([options.format, options.model, options.start, sorted(options.map.items())])
        )
        self._fault: Exception | None = None
        self._thread = threading.Thread(target=self._hash, daemon=True)
        self._thread.start()

    def known(self) -> bool:
        """Whether ``value`` can be told at once."""
        return not self._thread.is_alive()

    def value(self) -> str:
        """The fingerprint; waits for it. Raises ``OSError`` where the file cannot be read."""
        self._thread.join()
        if self._fault is not None:
            raise self._fault
        return self._digest.hexdigest()

    def _hash(self) -> None:
        try:
            buffer = memoryview(bytearray(_READ))
            with self._path.open("rb", buffering=0) as file:
                while count := file.readinto(buffer):
                    self._digest.update(buffer[:count])
        except Exception as fault:
            self._fault = fault
