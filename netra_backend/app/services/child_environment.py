"""What a child process learns of this process's environment, which holds keys: next to nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final

_HANDED_ON: Final = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_SET: Final[Mapping[str, str]] = {
    "HOME": "/nonexistent",
    "TZ": "UTC",
    # Each thread of a numeric library, and each arena of malloc, takes address space, which the child has little of.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}


def child_command(module: str) -> list[str]:
    """How a child is run."""
    return [sys.executable, "-P", "-m", module]


def child_environment() -> dict[str, str]:
    """All that a child learns of this process's environment."""
    return {**{name: os.environ[name] for name in _HANDED_ON if name in os.environ}, **_SET}
