"""Errors of the system that mean: the process has no more of something, and which in plain words."""

from __future__ import annotations

import errno
from typing import Final

from .error_catalogue import CATALOGUE
from .errors import DependencyUnavailable, Fault, NetraError

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


def fault_of(error: Exception) -> NetraError:
    """What clients are told of an unexpected error: what the process has no more of, or that it is internal. ``error`` is its
    cause."""
    fault = plain_fault(error) or Fault(CATALOGUE["internal"].text)
    fault.__cause__ = error
    return fault
