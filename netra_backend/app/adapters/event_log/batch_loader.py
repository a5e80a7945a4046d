"""Many questions of one kind with one statement: what is asked while one is under way goes together with the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Final, Generic, TypeVar

from ...core.errors import DependencyUnavailable

K = TypeVar("K")
V = TypeVar("V")

MOST: Final = 1000
"""Questions that one statement asks."""


class BatchLoader(Generic[K, V]):
    """``ask(keys)`` gives what was found; a key that it does not give was not found. What it raises, all who asked get."""

    def __init__(self, ask: Callable[[list[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._ask = ask
        self._waiting: dict[K, list[asyncio.Future[V | None]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, key: K) -> V | None:
        """What is found for ``key`` by a question that is asked after this call."""
        waiter: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(waiter)
        if self._task is None:
            self._task = asyncio.create_task(self._go_on())
        return await waiter

    async def _go_on(self) -> None:
        asked: dict[K, list[asyncio.Future[V | None]]] = {}
        try:
            while self._waiting:
                asked = {key: self._waiting.pop(key) for key in list(islice(self._waiting, MOST))}
                try:
                    found = await self._ask(list(asked))
                except Exception as fault:
                    _refuse(asked, fault)
                else:
                    for key, waiters in asked.items():
                        for waiter in waiters:
                            if not waiter.done():
                                waiter.set_result(found.get(key))
        finally:  # also where this task is cancelled, by whomever: nobody waits for an answer that does not come
            self._task = None
            gone = DependencyUnavailable("The query was interrupted before it was answered.", retry_after_ms=200)
            _refuse(asked, gone)
            _refuse(self._waiting, gone)
            self._waiting.clear()


def _refuse(asked: Mapping[K, list[asyncio.Future[V | None]]], fault: Exception) -> None:
    for waiters in asked.values():
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(fault)
                waiter.exception()  # it counts as seen: who waits gets it all the same, and who has gone is not missed
