"""Computations that do not depend on one another, on two cores at once.

They must share nothing that they write to. Most of what the levers do is done by NumPy on whole arrays, which holds the
interpreter for moments only; so threads are enough, and the log is in memory once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

WORKERS: Final = 2
"""More would be no faster on the machines that this is meant for, and each needs memory of its own for what it computes."""

_Result = TypeVar("_Result")


def side_by_side(tasks: Iterable[Callable[[], _Result]]) -> list[_Result]:
    """The results, in the order of the tasks. The first exception, in that order, is raised when all have ended."""
    with ThreadPoolExecutor(WORKERS) as pool:
        begun = [pool.submit(task) for task in tasks]
    return [one.result() for one in begun]
