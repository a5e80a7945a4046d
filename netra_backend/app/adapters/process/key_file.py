"""A key of one's own in a file: made once, readable by its owner alone."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from pathlib import Path
from typing import Final

from ...core import validation
from ...core.errors import ConfigurationError
from ...ports import Entropy
from .durable_files import sync

_BYTES: Final = 32
_WHOLE = re.compile(rf"[0-9a-f]{{{2 * _BYTES}}}\n").fullmatch


def private_key(path: Path, entropy: Entropy | None, what: str, if_lost: str) -> bytes:
    """The key in this file, made by whoever is the first to ask (the directory must be there). ``entropy=None``: only a key that
    is there; raises ``FileNotFoundError``.

    Two who ask at once get the same key. ``what`` the key is, and what comes of deleting it, are for the message of the
    ``ConfigurationError`` that is raised where the file is not whole, is no plain file, or could be read by others.
    """
    text, mode = _read_or_make(path, entropy)
    if not _WHOLE(text) or mode & 0o077:
        what_to_do = "Run chmod 600 on it." if _WHOLE(text) else f"Delete it to have a new one created; {if_lost}."
        raise ConfigurationError(
            [f"{path} must hold {what} that only its owner can read. {what_to_do}"],
            point=validation.KEY_FILE,
        )
    return bytes.fromhex(text)


def _read_or_make(path: Path, entropy: Entropy | None) -> tuple[str, int]:
    """The file's text and mode; an empty text for what is no plain file. The lock makes one writer of two who ask."""
    flags = os.O_RDONLY if entropy is None else os.O_RDWR | os.O_CREAT
    try:
        file = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except IsADirectoryError:
        return "", 0
    except OSError as fault:
        if fault.errno != errno.ELOOP:
            raise
        return "", 0
    try:
        mode = os.fstat(file).st_mode
        if not stat.S_ISREG(mode):
            return "", 0
        if entropy is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        text = os.read(file, 4 * _BYTES).decode("ascii", "replace")
        if not text and entropy is not None:
            text = entropy.take(_BYTES).hex() + "\n"
            os.write(file, text.encode())
            os.fsync(file)
            sync(path.parent)
        return text, mode
    finally:
        os.close(file)
