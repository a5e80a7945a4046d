"""How many connections the open files of a process allow, so that some are left for what users need besides: databases, files,
child processes."""

from __future__ import annotations

import logging
import resource
from typing import Final

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
