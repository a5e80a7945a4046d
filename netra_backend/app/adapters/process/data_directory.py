"""The directory that holds everything of one server: made private, and used by one server at a time."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from ...core import validation
from ...core.errors import ConfigurationError
from .file_locks import lock_within, try_lock

LOCK_NAME: Final = "server.lock"
_MAX_BYTES: Final = 4_096
_LOCK_WITHIN_S: Final = 0.1  # somebody who only looks (``holder_of``) holds it for microseconds
_LOCK_EVERY_S: Final = 0.02


class Holder(msgspec.Struct, frozen=True):
    """The server that uses a data directory. ``url`` is empty until it listens."""

    pid: int
    url: str = ""


def make_data_directory(path: Path) -> Path:
    """The directory, made with mode 0700 where it is not there.

    One that others may enter is closed to them where it is empty or was a data directory before. Anything else is left as
    it is and refused with ``ConfigurationError``, as is what cannot be made or is somebody else's.
    """
    fault = _fault_of(path)
    if fault:
        raise ConfigurationError(
            [f"The data directory {path} {fault}, or set NETRA_DATA_DIR to another directory."],
            point=validation.DATA_DIRECTORY_PRIVATE,
        )
    return path


def make_private(path: Path) -> None:
    """Make a directory below the data directory, and those that lead to it, for this user alone; one that is there stays."""
    for missing in reversed([path, *path.parents]):
        if not missing.is_dir():
            missing.mkdir(mode=0o700, exist_ok=True)


def _fault_of(path: Path) -> str:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
        if status.st_uid != os.geteuid():
            return f"belongs to user {status.st_uid}. Start Netra as that user"
        if status.st_mode & 0o077:
            if (path / LOCK_NAME).exists() or not any(path.iterdir()):
                path.chmod(0o700)
            else:
                return "is open to other users and contains other files. Run chmod 700 on it"
    except OSError as fault:
        return f"cannot be used ({fault.strerror}). Create it or fix its permissions"
    return ""


@dataclass(slots=True)
class DataDirectoryLock:
    """The right to use a data directory, held until ``release`` or the end of the process and of those that it forked."""

    path: Path
    _file: int

    def announce(self, url: str) -> None:
        """Tell others who look at the directory where the server listens."""
        _write(self._file, Holder(os.getpid(), url))

    def release(self) -> None:
        """Let another server have the directory."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def lock_data_directory(path: Path) -> DataDirectoryLock:
    """Take the directory for this server. Raises ``ConfigurationError`` where another one holds it."""
    file = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with ExitStack() as on_refusal:
        on_refusal.callback(os.close, file)
        if not lock_within(file, _LOCK_WITHIN_S, every=_LOCK_EVERY_S):
            holder = _read(file)
            who = f"process {holder.pid}" + (f" at {holder.url}" if holder.url else "") if holder else "another server"
            raise ConfigurationError(
                [
                    f"The data directory {path} is in use by {who}. Stop that server, or choose another "
                    "directory with --data-dir."
                ],
                point=validation.DATA_DIRECTORY_LOCK,
            )
        _write(file, Holder(os.getpid()))
        on_refusal.pop_all()
    return DataDirectoryLock(path, file)


def holder_of(path: Path) -> Holder | None:
    """The server that uses the directory at this moment; ``None`` where none does."""
    try:
        file = os.open(path / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if try_lock(file, shared=True) else _read(file)
    finally:
        os.close(file)


def _write(file: int, holder: Holder) -> None:
    # Written in one call and padded to one length, so that a reader never sees halves of two.
    os.pwrite(file, msgspec.json.encode(holder).ljust(_MAX_BYTES), 0)


def _read(file: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(file, _MAX_BYTES, 0), type=Holder)
    except msgspec.DecodeError:
        return None
