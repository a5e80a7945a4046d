"""Errors of the system that mean: the process has no more of something, and which in plain words."""

from __future__ import annotations

import errno
from typing import Final

from .errors import DependencyUnavailable

_OPEN_FILES: Final = (errno.EMFILE, errno.ENFILE)


def plain_fault(error: BaseException) -> DependencyUnavailable | None:
    """What to tell where ``error``, or what caused it, says that no file can be opened any more; else ``None``."""
    cause: BaseException | None = error
    for _ in range(8):
        if cause is None:
            return None
        if isinstance(cause, OSError) and cause.errno in _OPEN_FILES:
            return DependencyUnavailable(
                "The server has too many open files (file descriptors) to do this now.",
                hint="Try again in a moment. Operators: raise the limit of open files (ulimit -n, LimitNOFILE=).",
                retry_after_ms=1000,
            )
        cause = cause.__cause__ or cause.__context__
    return None
