"""Where a client's token comes from, and a new one once it has expired."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable

from .errors import Closed, TokenExpired

GetToken = Callable[[], str | Awaitable[str]]
"""Gives a token that is valid now, at once or awaited. Whatever it raises ends the client."""


class TokenSource:
    """A token, a function that gets one, or both. One task asks it, so the function is never called twice at the same time."""

    def __init__(self, token: str | None, get_token: GetToken | None, timeout_s: float) -> None:
        if token is None and get_token is None:
            raise TypeError("NetraClient needs a token or get_token")
        self._token = None if token is None else _checked(token)
        self._get_token = get_token
        self._timeout_s = timeout_s

    @property
    def can_renew(self) -> bool:
        """Whether there is a function that gets a new token."""
        return self._get_token is not None

    async def current(self) -> str:
        """The token; the function is called if there is none yet."""
        if self._token is None:
            self._token = await self._ask()
        return self._token

    async def renew(self) -> None:
        """Get a new token. Raises ``TokenExpired`` if it is the one that has expired."""
        token = await self._ask()
        if token == self._token:
            raise TokenExpired("get_token gave the token that has expired; have it get a new one.")
        self._token = token

    async def _ask(self) -> str:
        assert self._get_token is not None
        given = self._get_token()
        if isawaitable(given):
            clock = asyncio.timeout(self._timeout_s)
            try:
                async with clock:
                    given = await given
            except TimeoutError:
                if not clock.expired():
                    raise
                raise TokenExpired(f"get_token gave no token within {self._timeout_s:g} seconds.") from None
        if not isinstance(given, str):
            raise TypeError(f"get_token must give a str, not {type(given).__name__}")
        return _checked(given)


def _checked(token: str) -> str:
    """The token without white space around it. Raises ``Closed`` if no header can carry it."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Closed(
            4501, "The token is empty, or has characters that no token has.", "Sign in again or get a new token."
        )
    return token
