"""The runs whose code froze this process: held up by one of them, it could not renew its lease."""

from __future__ import annotations

from typing import Final

_KEPT: Final = 1_000


class FrozenRuns:
    """``freeze_s``: a loop that stood still for so long may have lost its lease. Remembers the newest thousand of such runs."""

    def __init__(self, freeze_s: float) -> None:
        self._freeze_s = freeze_s
        self._runs: dict[str, None] = {}
        self.has_frozen = False
        """Whether this process stood still for so long since ``answered``."""

    def note(self, seconds: float, run_id: str) -> None:
        """The loop stood still for so long; the run's code did it, or nobody's (``""``)."""
        if seconds < self._freeze_s:
            return
        self.has_frozen = True
        if run_id:
            self._runs[run_id] = None
            if len(self._runs) > _KEPT:
                del self._runs[next(iter(self._runs))]

    def answered(self) -> bool:
        """Whether it stood still; from now on anew."""
        frozen, self.has_frozen = self.has_frozen, False
        return frozen

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._runs
