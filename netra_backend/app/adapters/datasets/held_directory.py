"""Directories that one living process holds: what a killed one left can be told from what another one is about."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..process.file_locks import try_lock


def hold(directory: Path) -> int:
    """Hold a directory until the descriptor is closed, or this process ends. Raises ``BlockingIOError`` where it is held."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if not try_lock(descriptor):
        os.close(descriptor)
        raise BlockingIOError(f"{directory} is held")
    return descriptor


def remove_unless_held(directory: Path) -> bool:
    """Remove a directory that no living process holds; whether it is gone."""
    try:
        descriptor = hold(directory)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    shutil.rmtree(directory, ignore_errors=True)
    os.close(descriptor)
    return True
