"""What a lever is: it looks at the log once, then takes its saving from a bill that earlier levers may have shrunk.

Low, base and high are three bills: each is passed through all levers in order, so no dollar is saved twice and the three
totals are consistent. A lever that cannot tell from this log says what it misses and what to log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .log import Floats, Log

Indices = NDArray[np.intp]
"""Indices of rows of the log, ascending."""


class Scenario(StrEnum):
    """Which of the three bills."""

    LOW = "low"
    BASE = "base"
    HIGH = "high"


@dataclass(slots=True)
class Bill:
    """What remains to be paid, by row and part, in picodollars.

    A bill starts as the log's own arrays at no cost; a part is copied before it is first written to. What is handed out are
    copies.
    """

    input: Floats
    read: Floats
    write: Floats
    output: Floats
    request: Floats
    _own: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, log: Log) -> Bill:
        """The bill before any lever."""
        return cls(log.c_input, log.c_read, log.c_write, log.c_output, log.c_request)

    def total(self) -> float:
        """All of it."""
        return float(sum(part.sum() for part in (self.input, self.read, self.write, self.output, self.request)))

    def rows(self, rows: Indices) -> Floats:
        """What remains to be paid for each of these rows."""
        return np.asarray(
            self.input[rows] + self.read[rows] + self.write[rows] + self.output[rows] + self.request[rows]
        )

    def alive(self) -> NDArray[np.bool_]:
        """Rows for which anything remains to be paid."""
        return np.asarray((self.input + self.read + self.write + self.output + self.request) > 0)

    def set(self, part: str, rows: Indices, values: Floats | float) -> None:
        """Replace one part for these rows."""
        if part not in self._own:
            setattr(self, part, getattr(self, part).copy())
            self._own.add(part)
        getattr(self, part)[rows] = values

    def scale(self, rows: Indices, **factors: Floats | float) -> Floats:
        """Multiply the named parts of these rows; returns what that saved, by row."""
        before = self.rows(rows)
        for part, factor in factors.items():
            self.set(part, rows, getattr(self, part)[rows] * factor)
        return np.asarray(before - self.rows(rows))

    def cancel(self, rows: Indices) -> Floats:
        """These rows need not be paid at all; returns what that saved, by row."""
        return self.scale(rows, input=0.0, read=0.0, write=0.0, output=0.0, request=0.0)


@dataclass(frozen=True, slots=True)
class Saving:
    """What one lever saved in one scenario: picodollars by row of the log."""

    rows: Indices
    amounts: Floats

    @property
    def total(self) -> float:
        """All of it."""
        return float(self.amounts.sum())


NOTHING = Saving(np.empty(0, dtype=np.intp), np.empty(0))


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a lever cannot tell: what is missing from the log, and what to log or to tell so that it can."""

    missing: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A lever that has looked at a log.

    ``take`` takes its saving from a bill. ``coverage`` is the picodollars of the original bill on which it could judge,
    ``confidence`` one of ``high``, ``medium``, ``low``; ``assumptions`` are sentences, ``details`` further figures (JSON).
    """

    take: Callable[[Bill, Scenario], Saving]
    coverage: float
    confidence: str
    assumptions: tuple[str, ...]
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lever:
    """One way to spend less. ``formula`` and ``quality_risk`` are what people read beside the figure."""

    name: str
    title: str
    formula: str
    quality_risk: str
    assess: Callable[[Log], Plan | Missing]
