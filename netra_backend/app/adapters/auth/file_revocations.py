"""Revocations in two files of the data directory, one JSON row a line (``ports.RevocationStore``)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from ...core.errors import DependencyUnavailable
from ...core.fair_turns import NOBODY
from ...core.identity import RevokedToken
from ...services.shared_threads import OPERATING
from ..process.durable_files import replace_synced, sync, write_synced

FILE_NAME: Final = "revocations.jsonl"
TOKENS_FILE_NAME: Final = "revoked_tokens.jsonl"
"""Apart from the other, which release 0.1.0 reads as well: it would take one sign-in for all of its user."""


class _User(msgspec.Struct, frozen=True):
    user_id: str
    until_ms: int


Row = TypeVar("Row")


class FileRevocations:
    """Appends, each row with an fsync before it counts as stored; ``load`` comes first and leaves one row a user, or a token.

    A last line that a crash cut off was never stored, and is left out; any other damage is refused rather than taken for
    "nobody is revoked".
    """

    def __init__(self, data_dir: Path) -> None:
        self._users = _Lines(data_dir / FILE_NAME, _User)
        self._tokens = _Lines(data_dir / TOKENS_FILE_NAME, RevokedToken)
        self._turn = asyncio.Lock()

    async def load(self) -> dict[str, int]:
        async with self._turn:
            return await OPERATING.run(NOBODY, self._load_users)

    async def add(self, user_id: str, until_ms: int) -> None:
        async with self._turn:
            await OPERATING.run(NOBODY, partial(self._users.append, _User(user_id, until_ms)))

    async def load_tokens(self) -> list[RevokedToken]:
        async with self._turn:
            return await OPERATING.run(NOBODY, self._load_tokens)

    async def add_token(self, revoked: RevokedToken, now_ms: int) -> None:
        async with self._turn:
            await OPERATING.run(NOBODY, partial(self._add_token, revoked, now_ms))

    def _load_users(self) -> dict[str, int]:
        latest: dict[str, int] = {}
        for row in self._users.read():
            latest[row.user_id] = max(row.until_ms, latest.get(row.user_id, 0))
        self._users.replace(_User(user_id, until_ms) for user_id, until_ms in latest.items())
        return latest

    def _load_tokens(self) -> list[RevokedToken]:
        latest: dict[tuple[str, str], RevokedToken] = {}
        for row in self._tokens.read():
            known = latest.setdefault((row.user_id, row.token_id), row)
            if row.ends_at_ms > known.ends_at_ms:
                latest[row.user_id, row.token_id] = row
        found = list(latest.values())
        self._tokens.replace(found)
        return found

    def _add_token(self, revoked: RevokedToken, now_ms: int) -> None:
        known = self._tokens.read()
        live = [each for each in known if each.ends_at_ms > now_ms]
        if len(live) < len(known):
            self._tokens.replace(live)
        self._tokens.append(revoked)


class _Lines(Generic[Row]):
    """The rows of one file."""

    def __init__(self, path: Path, shape: type[Row]) -> None:
        self._path = path
        self._shape = shape

    def read(self) -> list[Row]:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        return [self._row(number, line) for number, line in enumerate(lines[:-1], 1)]

    def replace(self, rows: Iterable[Row]) -> None:
        """Have the file hold these rows, whole or not at all; one that is not there stays away."""
        if self._path.exists():
            replace_synced(self._path, self._encoded(rows))

    def append(self, row: Row) -> None:
        is_first = not self._path.exists()
        write_synced(self._path, self._encoded([row]), appends=True)
        if is_first:
            sync(self._path.parent)

    def _row(self, number: int, line: bytes) -> Row:
        try:
            return msgspec.json.decode(line, type=self._shape)
        except msgspec.DecodeError:
            raise DependencyUnavailable(
                f"{self._path}, line {number} is not a revocation, so the server cannot know who is revoked.",
                hint="Restore the file, or remove the line if you know which user it was about.",
            ) from None

    def _encoded(self, rows: Iterable[Row]) -> bytes:
        return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
