"""How many connections the open files of a process allow, so that some are left for what users need besides: databases, files,
child processes; and what is said when none is left all the same."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Callable
from typing import Final

from ..core.exhaustion import plain_fault
from ..core.limits import Limits

_LOG: Final = logging.getLogger("netra.server")


def open_files() -> int:
    """How many files this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 30


def most_connections(limits: Limits, files: int) -> int:
    """How many connections one process has at most, of ``files`` that it may have open. At most half are kept for the rest."""
    fitting = max(1, files - min(limits.reserved_files, files // 2))
    if fitting < limits.process_connections:
        _LOG.info(
            "open files bound the connections of this process; raise their limit (ulimit -n, LimitNOFILE=) for more",
            extra={"open_files": files, "connections": fitting},
        )
    return min(limits.process_connections, fitting)


def open_one() -> None:
    """Open a file, and close it. Raises ``OSError``."""
    os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))


class OpenFilesWatch:
    """Says when the process can open no more files, and when it can again. Then the loop accepts new connections only to close
    them, and tells nobody. Call ``tick`` every second."""

    def __init__(self, attempt: Callable[[], None] = open_one) -> None:
        self._attempt = attempt
        self._lasts_s = 0
        self._exhausted_s = 0

    def counts(self) -> dict[str, int]:
        """Seconds in which no file could be opened."""
        return {"exhausted_s": self._exhausted_s}

    def tick(self) -> None:
        """A second has passed."""
        try:
            self._attempt()
        except OSError as error:
            fault = plain_fault(error)
            if fault is None:  # nothing about open files
                return
            if not self._lasts_s:
                _LOG.error(
                    "too many open files: new connections are closed, without an answer, until some are free",
                    extra={"open_files": open_files(), "hint": fault.hint},
                )
            self._lasts_s += 1
            self._exhausted_s += 1
            return
        if self._lasts_s:
            _LOG.warning("files can be opened again, and connections are accepted", extra={"seconds": self._lasts_s})
            self._lasts_s = 0
