"""Files that are still there after a loss of power, each its owner's alone to read."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Return when what a file holds, or which names a directory has, is on disk. Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_synced(path: Path, content: bytes, *, appends: bool = False) -> None:
    """Write a file, or at its end; its content is on disk on return, a new name of it only after a ``sync`` of its directory.
    Raises ``OSError``."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_APPEND if appends else os.O_TRUNC)
    with open(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_synced(path: Path, content: bytes) -> None:
    """Have a file hold this and nothing else: whoever reads it, at any moment and after a loss of power, finds what it held
    before or all of this. Nobody else may replace it meanwhile. Raises ``OSError``."""
    fresh = path.with_name(f"{path.name}.new")
    write_synced(fresh, content)
    fresh.replace(path)
    sync(path.parent)
