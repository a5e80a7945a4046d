"""The bases of class-shaped tests call setUp and tearDown and close what was opened."""

from __future__ import annotations

from typing import Any

import pytest

from test_framework.base_integration_test import BaseIntegrationTest, BaseTestCase

SAID: list[str] = []


class Opened:
    async def cleanup(self) -> None:
        SAID.append("closed")


class TestSetUpAndTearDown(BaseTestCase):
    def setUp(self) -> None:
        SAID.clear()
        self.opened = self.closing(Opened())

    def tearDown(self) -> Any:
        return self.say("torn down")

    async def say(self, what: str) -> None:
        SAID.append(what)

    def test_a_sync_test_is_set_up(self) -> None:
        assert isinstance(self.opened, Opened)
        assert SAID == []

    async def test_an_async_test_is_set_up(self) -> None:
        assert isinstance(self.opened, Opened)
        assert SAID == []


async def test_what_was_opened_is_closed_after_tear_down_in_reverse_order() -> None:
    case = TestSetUpAndTearDown()
    lifecycle = TestSetUpAndTearDown._lifecycle.__wrapped__(case)  # type: ignore[attr-defined]  # the fixture's function
    await anext(lifecycle)
    case.closing(Opened())
    with pytest.raises(StopAsyncIteration):
        await anext(lifecycle)
    assert SAID == ["torn down", "closed", "closed"]


async def test_what_was_opened_is_closed_where_the_test_failed() -> None:
    case = TestSetUpAndTearDown()
    lifecycle = TestSetUpAndTearDown._lifecycle.__wrapped__(case)  # type: ignore[attr-defined]  # the fixture's function
    await anext(lifecycle)
    with pytest.raises(ZeroDivisionError):
        await lifecycle.athrow(ZeroDivisionError())
    assert SAID == ["torn down", "closed"]


async def test_a_base_without_set_up_needs_none() -> None:
    lifecycle = BaseIntegrationTest._lifecycle.__wrapped__(BaseIntegrationTest())  # type: ignore[attr-defined]
    await anext(lifecycle)
    with pytest.raises(StopAsyncIteration):
        await anext(lifecycle)
