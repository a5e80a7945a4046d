"""Where anchors of the audit trail are kept: a file that is replaced, or lines of the log."""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from typing import Final, Protocol

import msgspec

from ...core.audit_chain import Statement
from ..process.durable_files import replace_synced

FILE_NAME: Final = "audit.anchor"
"""In the data directory, if no other place is set."""

_MAX_BYTES: Final = 64 << 20
_LOG: Final = logging.getLogger("netra.audit")


class _Line(msgspec.Struct, frozen=True):
    chain: str
    id: int
    seal: str
    rows: int
    at: int
    mac: str


class _LogLine(msgspec.Struct, frozen=True):
    """As much of a line of the log as matters."""

    audit_anchor: _Line


class Anchor(Protocol):
    """Where anchors are written. ``every_s``: not more often."""

    every_s: float

    def read(self) -> list[Statement]:
        """The anchors that are there, of all chains. Raises ``OSError``, and ``ValueError`` for what is none."""

    def write(self, statement: Statement) -> None:
        """Put a newer one of its chain in the older one's place. Raises ``OSError``."""


class FileAnchor:
    """One line of JSON a chain, replaced whole. Several processes may share the file: the newest anchor stays."""

    every_s = 1.0

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Statement]:
        return anchors_in(self._path)

    def write(self, statement: Statement) -> None:
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            newest = {each.chain: each for each in self.read()}
            if statement.chain in newest and newest[statement.chain].id > statement.id:
                return
            newest[statement.chain] = statement
            replace_synced(self._path, b"".join(_encoded(each) + b"\n" for each in newest.values()))
        finally:
            os.close(lock)


class LogAnchor:
    """A line of the log, for whoever collects it. The server reads none of them back: ``netra audit verify --anchor`` does."""

    every_s = 60.0

    def read(self) -> list[Statement]:
        return []

    def write(self, statement: Statement) -> None:
        _LOG.info("audit anchor", extra={"audit_anchor": msgspec.to_builtins(_line(statement))})


_NAME: Final = b'"mac":'
"""Only as a name in JSON: within a text its quotation marks have a backslash before them, whatever a user calls himself."""


def anchors_in(path: Path) -> list[Statement]:
    """The anchors of a file: of its own kind, or a log with lines that hold some. There is nothing to be found in a file that is
    not there. Raises ``OSError``, and ``ValueError`` for a file that is too large or holds a damaged anchor."""
    found: dict[tuple[str, int, bytes], Statement] = {}
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > _MAX_BYTES:
                raise ValueError(f"{path} is larger than {_MAX_BYTES >> 20} MiB")
            for number, line in enumerate(file, 1):
                if _NAME in line and (statement := _decoded(line, path, number)) is not None:
                    found[statement.chain, statement.id, statement.seal] = statement
    except FileNotFoundError:
        return []
    return list(found.values())


def _line(statement: Statement) -> _Line:
    _, chain, id, seal, rows, at, mac = statement
    return _Line(chain, id, seal.hex(), rows, at, mac.hex())


def _encoded(statement: Statement) -> bytes:
    return msgspec.json.encode(_line(statement))


def _decoded(text: bytes, path: Path, number: int) -> Statement | None:
    try:
        if b'"audit_anchor":' in text:
            line = msgspec.json.decode(text, type=_LogLine).audit_anchor
        else:
            line = msgspec.json.decode(text, type=_Line)
        seal, mac = bytes.fromhex(line.seal), bytes.fromhex(line.mac)
    except ValueError:  # of msgspec, too
        raise ValueError(f"{path}, line {number} is not an anchor") from None
    return Statement("anchor", line.chain, line.id, seal, line.rows, line.at, mac)
