"""A few lasting connections to PostgreSQL that questions share, made when they are needed and made again when they break.

Not asyncpg's pool: that one resets a connection after each use, which costs a question a second round trip.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from ...core.fair_turns import NOBODY
from ...core.limits import USUAL, Limits
from ...services.shared_places import SharedPlaces
from .connection import READER, TROUBLE, Role, connect, unavailable

_SETTINGS: Final = """
SET enable_seqscan = off;  -- the plan that is made while a table is small has to do when it is large
SET plan_cache_mode = force_generic_plan
"""

REPEATABLE: Final = frozenset({"40001", "40P01"})
"""What undid a statement because of its neighbours: serialization failure, deadlock."""


async def connected(url: str, role: Role, limits: Limits = USUAL) -> asyncpg.Connection:
    """One connection whose plans are made once. Raises ``TROUBLE``."""
    connection = await connect(url, role, limits)
    await connection.execute(_SETTINGS)
    return connection


def is_lost(trouble: BaseException) -> bool:
    """Whether it is the connection that broke, so that nobody knows what became of the statement."""
    state = getattr(trouble, "sqlstate", None) or ""
    return not isinstance(trouble, asyncpg.PostgresError) or state.startswith(("08", "57P"))


def _may_pass(trouble: BaseException) -> bool:
    if isinstance(trouble, TimeoutError):  # it has taken long enough
        return False
    return is_lost(trouble) or getattr(trouble, "sqlstate", None) in REPEATABLE


class PostgresConnectionPool:
    """At most ``size`` connections of one role. Owners whose questions wait for one have their turns."""

    def __init__(self, url: str, role: Role, size: int, limits: Limits = USUAL) -> None:
        self._url = url
        self._role: Role = role
        self._limits = limits
        self._places = SharedPlaces(size)
        self._idle: list[asyncpg.Connection] = []

    @asynccontextmanager
    async def line(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection that nobody else uses meanwhile. Raises ``DependencyUnavailable`` for its troubles and for yours."""
        async with self._places.place(NOBODY):
            try:
                connection = self._lasting() or await connected(self._url, self._role, self._limits)
            except TROUBLE as trouble:
                raise unavailable(trouble) from trouble
            try:
                yield connection
            except TROUBLE as trouble:
                raise unavailable(trouble) from trouble
            finally:
                if connection.is_in_transaction():  # its user was cancelled: what the server did is not known
                    connection.terminate()
                elif not connection.is_closed():
                    self._idle.append(connection)

    async def ask(self, question: str, *arguments: Any, turn_of: str | None = None) -> list[asyncpg.Record]:
        """The rows of one statement that may be asked twice: it is, where its connection broke or a neighbour undid it. It waits
        in the turn of this owner, by default of whom a reader names first. Raises ``DependencyUnavailable``."""
        if turn_of is None:
            turn_of = arguments[0] if self._role == READER and arguments else NOBODY
        try:
            return await self._ask(question, arguments, turn_of)
        except TROUBLE as trouble:
            if not _may_pass(trouble):
                raise unavailable(trouble) from trouble
            if is_lost(trouble):
                self._drop_idle()  # those will be broken too
        try:
            return await self._ask(question, arguments, turn_of)
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble

    async def _ask(self, question: str, arguments: tuple[Any, ...], turn_of: str) -> list[asyncpg.Record]:
        async with self._places.place(turn_of):
            connection = self._lasting() or await connected(self._url, self._role, self._limits)
            try:
                found: list[asyncpg.Record] = await connection.fetch(question, *arguments)
                return found
            finally:
                if not connection.is_closed():
                    self._idle.append(connection)

    def _lasting(self) -> asyncpg.Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().terminate()

    async def close(self) -> None:
        """Close what is open; to be called when nobody asks any more."""
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.close(timeout=2.0)
            except TROUBLE:
                connection.terminate()
