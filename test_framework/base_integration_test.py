"""The bases of class-shaped tests: plain classes whose ``setUp`` and ``tearDown`` are called by an autouse fixture."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest_asyncio

_T = TypeVar("_T")


class BaseTestCase:
    """A test class. ``setUp`` and ``tearDown`` may be sync or async; what was given to ``closing`` is closed afterwards,
    in reverse order, also where the test failed."""

    _opened: AsyncExitStack

    def setUp(self) -> Any:
        """Runs before each test; override it."""

    def tearDown(self) -> Any:
        """Runs after each test, before what it opened is closed; override it."""

    def closing(self, opened: _T) -> _T:
        """Have ``opened`` closed at the end of the test (``cleanup``, ``aclose`` or ``close``), and return it."""
        for name in ("cleanup", "aclose", "close"):
            if callable(method := getattr(opened, name, None)):
                self._opened.push_async_callback(_call, method)
                return opened
        raise TypeError(f"{type(opened).__name__} has none of cleanup, aclose, close")

    @pytest_asyncio.fixture(autouse=True)
    async def _lifecycle(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as self._opened:
            await _call(self.setUp)
            self._opened.push_async_callback(_call, self.tearDown)
            yield


class BaseIntegrationTest(BaseTestCase):
    """Several parts together. Ask for ``real_services_fixture`` to get a real ``db`` and a real ``redis``."""


async def _call(method: Any) -> None:
    answer = method()
    if inspect.isawaitable(answer):
        await answer
