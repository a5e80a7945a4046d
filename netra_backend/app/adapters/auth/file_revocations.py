"""Revocations in a file of the data directory, one JSON row a line (``ports.RevocationStore``)."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import msgspec

from ...core.errors import DependencyUnavailable

FILE_NAME: Final = "revocations.jsonl"


class _Row(msgspec.Struct, frozen=True):
    user_id: str
    until_ms: int


class FileRevocations:
    """Appends, each row with an fsync before it counts as stored; ``load`` comes first and leaves one row a user.

    A last line that a crash cut off was never stored, and is left out; any other damage is refused rather than taken for
    "nobody is revoked".
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE_NAME
        self._turn = asyncio.Lock()

    async def load(self) -> dict[str, int]:
        async with self._turn:
            return await asyncio.to_thread(self._compact)

    async def add(self, user_id: str, until_ms: int) -> None:
        async with self._turn:
            await asyncio.to_thread(self._append, _Row(user_id, until_ms))

    def _compact(self) -> dict[str, int]:
        latest: dict[str, int] = {}
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return latest
        for number, line in enumerate(lines[:-1], 1):
            row = self._row(number, line)
            latest[row.user_id] = max(row.until_ms, latest.get(row.user_id, 0))
        fresh = self._path.with_suffix(".new")
        _write(fresh, [_Row(user_id, until_ms) for user_id, until_ms in latest.items()], os.O_TRUNC)
        fresh.replace(self._path)
        _sync(self._path.parent)
        return latest

    def _row(self, number: int, line: bytes) -> _Row:
        try:
            return msgspec.json.decode(line, type=_Row)
        except msgspec.DecodeError:
            raise DependencyUnavailable(
                f"{self._path}, line {number} is not a revocation, so the server cannot know who is revoked.",
                hint="Restore the file, or remove the line if you know which user it was about.",
            ) from None

    def _append(self, row: _Row) -> None:
        is_first = not self._path.exists()
        _write(self._path, [row], os.O_APPEND)
        if is_first:
            _sync(self._path.parent)


def _write(path: Path, rows: list[_Row], how: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o600), "wb") as file:
        file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """Make a new name in the directory last."""
    file = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
