"""Which numbers rows to come have: behind the last of their own chain, past numbers that rows of other chains have taken.

Whoever may append can add rows of an invented chain under any number. So no number of another chain is followed far: one row of
theirs costs at most ``AHEAD`` numbers, and never all that there are.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Generator
from typing import Final

from ...core.errors import DependencyUnavailable

LAST: Final = (1 << 63) - 1
"""The last number that there is."""

AHEAD: Final = 1 << 32
"""So far ahead of its own last row a chain goes on behind rows of others."""

_TRIES: Final = 8

_LOG: Final = logging.getLogger("netra.audit")


def free_after(last: int, count: int) -> Generator[tuple[int, int], int | None, int]:
    """Find ``count`` numbers that no row has: they follow on the one that is returned, ``last`` if possible.

    Yields ranges, behind the first number and up to the second; wants the highest number that a row has in it, of any chain.
    Raises ``DependencyUnavailable`` if there are no numbers left, or those that were tried are all taken.
    """
    after = last
    for attempt in range(_TRIES):
        if after + count > LAST:
            raise DependencyUnavailable(f"The audit trail has no number left after row {after}.")
        if (yield after, after + count) is None:
            if after != last:
                _LOG.warning("the audit trail goes on behind number %d: other chains have taken those before", after)
            return after
        if attempt == 0:
            after = (yield after, min(after + AHEAD, LAST)) or after
        else:  # where, nobody can foresee
            after += 1 + secrets.randbelow(AHEAD)
    raise DependencyUnavailable(
        f"The audit trail finds no number for a row after row {last}: other chains have taken them."
    )
