"""How often things happen: a count a second, from totals that others keep."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

SPANS_S: Final = (1, 10, 60)
"""What rates are told over."""

Totals = Mapping[str, int]


class Rates:
    """Samples of totals, one a second; a span without samples counts from the first one."""

    def __init__(self, totals: Callable[[], Totals]) -> None:
        self._totals = totals
        self._samples: deque[tuple[float, Totals]] = deque(maxlen=SPANS_S[-1] + 1)

    def tick(self, now: float) -> None:
        """A second has passed."""
        self._samples.append((now, self._totals()))

    def per_second(self) -> dict[str, dict[str, float]]:
        """For each total, events a second over the last 1, 10 and 60 s; nothing before the second sample."""
        if len(self._samples) < 2:
            return {}
        now, newest = self._samples[-1]
        told: dict[str, dict[str, float]] = {name: {} for name in newest}
        for span in SPANS_S:
            then, older = next(sample for sample in self._samples if now - sample[0] <= span or sample[0] == now)
            if then == now:
                then, older = self._samples[-2]
            for name, total in newest.items():
                told[name][f"{span}s"] = round((total - older.get(name, 0)) / (now - then), 3)
        return told
