"""A token, and a new one once it has expired."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from netra_backend.client.errors import Closed, TokenExpired
from netra_backend.client.token_source import TokenSource


def giving(*tokens: str) -> tuple[Callable[[], str], list[str]]:
    left = list(tokens)
    return lambda: left.pop(0), left


async def test_a_token_is_used_until_it_has_expired() -> None:
    get_token, left = giving("second", "third")
    source = TokenSource("first", get_token, 1.0)
    assert source.can_renew
    assert [await source.current(), await source.current()] == ["first", "first"]
    await source.renew()
    assert await source.current() == "second"
    assert left == ["third"]


async def test_without_a_token_the_function_is_asked_once() -> None:
    get_token, left = giving("first", "second")
    source = TokenSource(None, get_token, 1.0)
    assert [await source.current(), await source.current()] == ["first", "first"]
    assert left == ["second"]


async def test_a_coroutine_function_is_awaited() -> None:
    async def get_token() -> str:
        await asyncio.sleep(0)
        return " first\n"

    assert await TokenSource(None, get_token, 1.0).current() == "first"


async def test_a_function_that_gives_the_expired_token_again_ends_it() -> None:
    source = TokenSource("first", lambda: "first", 1.0)
    with pytest.raises(TokenExpired, match="gave the token that has expired"):
        await source.renew()


async def test_a_function_that_never_answers_ends_it() -> None:
    async def hang() -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(TokenExpired, match="gave no token"):
        await TokenSource(None, hang, 0.01).current()


async def test_what_the_function_raises_is_raised_even_if_it_is_a_timeout() -> None:
    async def refuse() -> str:
        raise TimeoutError("the issuer's")

    with pytest.raises(TimeoutError, match="the issuer's"):
        await TokenSource(None, refuse, 60.0).current()


async def test_a_function_that_gives_no_text_is_told_so() -> None:
    with pytest.raises(TypeError, match="not NoneType"):
        await TokenSource(None, lambda: None, 1.0).current()  # type: ignore[arg-type,return-value]


def test_neither_a_token_nor_a_function_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="needs a token or get_token"):
        TokenSource(None, None, 1.0)
    assert not TokenSource("token", None, 1.0).can_renew


@pytest.mark.parametrize("token", ["", "  ", "a b", "a\r\nX-Other: 1", "tökén", "a\x00"])
def test_what_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(Closed, match="no token has"):
        TokenSource(token, None, 1.0)
