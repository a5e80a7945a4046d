"""Closing what has one of the usual ways to be closed."""

from __future__ import annotations

import pytest

from test_framework.closing import as_async, close_method


class Opened:
    def __init__(self) -> None:
        self.said: list[str] = []


class Closes(Opened):
    def close(self) -> None:
        self.said.append("close")


class ClosesAsync(Closes):
    async def aclose(self) -> None:
        self.said.append("aclose")


class CleansUp(ClosesAsync):
    async def cleanup(self) -> None:
        self.said.append("cleanup")


@pytest.mark.parametrize(("kind", "said"), [(Closes, "close"), (ClosesAsync, "aclose"), (CleansUp, "cleanup")])
async def test_the_fullest_way_to_close_is_taken(kind: type[Opened], said: str) -> None:
    opened = kind()
    await close_method(opened)()
    assert opened.said == [said]


def test_what_cannot_be_closed_is_told() -> None:
    with pytest.raises(TypeError, match="Opened has none of cleanup, aclose, close"):
        close_method(Opened())


async def test_a_function_sync_or_async_is_awaited() -> None:
    said: list[str] = []

    async def later() -> None:
        said.append("async")

    await as_async(lambda: said.append("sync"))()
    await as_async(later)()
    assert said == ["sync", "async"]
