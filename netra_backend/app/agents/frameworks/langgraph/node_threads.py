"""The threads that code of graphs runs in: not those of the server, since a node may wait in one for as long as its user does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final
from weakref import WeakSet

_MOST_THREADS: Final = 256


class TwoPools(ThreadPoolExecutor):
    """A loop's own executor. What is given to it while ``is_graphs()`` runs in threads of graphs, all else in those of the
    server, which a model request may need to be priced: it would wait for threads that wait for it."""

    def __init__(self, is_graphs: Callable[[], bool]) -> None:
        super().__init__()
        self._is_graphs = is_graphs
        self._graphs = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="graph")

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        """As any executor."""
        if self._is_graphs():
            return self._graphs.submit(call, *given, **named)
        return super().submit(call, *given, **named)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As any executor."""
        self._graphs.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)


_LOOPS: Final[WeakSet[asyncio.AbstractEventLoop]] = WeakSet()


def separate(loop: asyncio.AbstractEventLoop, is_graphs: Callable[[], bool]) -> None:
    """Have this loop run code of graphs in threads of their own. May be called again."""
    if loop not in _LOOPS:
        _LOOPS.add(loop)
        loop.set_default_executor(TwoPools(is_graphs))
