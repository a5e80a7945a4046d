"""The bases of class-shaped tests: plain classes whose ``setUp`` and ``tearDown`` are called by an autouse fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest_asyncio

from .closing import as_async, close_method
from .opened_objects import closing_what_factories_make

_T = TypeVar("_T")


class BaseTestCase:
    """A test class. ``setUp`` and ``tearDown`` may be sync or async.

    After ``tearDown``, also where the test failed, what the application's factories made during the test and what was
    handed to ``closing`` is closed, in reverse order.
    """

    _opened: AsyncExitStack

    def setUp(self) -> Any:
        """Runs before each test; override it."""

    def tearDown(self) -> Any:
        """Runs after each test, before what it opened is closed; override it."""

    def closing(self, opened: _T) -> _T:
        """Have ``opened`` closed at the end of the test by its ``cleanup``, ``aclose`` or ``close``, and return it."""
        self._opened.push_async_callback(close_method(opened))
        return opened

    @pytest_asyncio.fixture(autouse=True)
    async def _lifecycle(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as self._opened, closing_what_factories_make():
            await as_async(self.setUp)()
            try:
                yield
            finally:
                await as_async(self.tearDown)()


class BaseIntegrationTest(BaseTestCase):
    """Several parts together. Ask for ``real_services_fixture`` to get a real ``db`` and a real ``redis``."""
