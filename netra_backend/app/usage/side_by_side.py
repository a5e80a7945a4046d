"""Computations that do not depend on one another, on two cores at once.

They must share nothing that they write to. Most of what the levers do is done by NumPy on whole arrays, which holds the
interpreter for moments only; so threads are enough, and the log is in memory once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Barrier
from typing import Final, TypeVar

WORKERS: Final = 2
"""More would be no faster on the machines that this is meant for, and each needs memory of its own for what it computes."""

_Result = TypeVar("_Result")


def start_workers() -> None:
    """Start the threads that ``side_by_side`` uses, in a process that may start none later."""
    together = Barrier(WORKERS)
    wait([_pool().submit(together.wait) for _ in range(WORKERS)])


def side_by_side(tasks: Iterable[Callable[[], _Result]]) -> list[_Result]:
    """The results, in the order of the tasks, which must not call this in turn. The first exception, in that order, is raised
    when all have ended."""
    begun = [_pool().submit(task) for task in tasks]
    wait(begun)
    return [one.result() for one in begun]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS)
