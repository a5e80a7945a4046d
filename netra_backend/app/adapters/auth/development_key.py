"""The key that signs tokens on one's own machine: made once, kept in the data directory."""

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

FILE_NAME: Final = "development.key"
_BYTES: Final = 32
_WHOLE = re.compile(rf"[0-9a-f]{{{2 * _BYTES}}}\n").fullmatch


def development_key(data_dir: Path, entropy: Entropy) -> bytes:
    """The key of this data directory, made by whoever is the first to ask (the directory must be there).

    Two who ask at once get the same key. Raises ``ConfigurationError`` where the file is not whole, is no plain file, or
    could be read by others.
    """
    path = data_dir / FILE_NAME
    text, mode = _read_or_make(path, entropy)
    if not _WHOLE(text) or mode & 0o077:
        what_to_do = (
            "Run chmod 600 on it."
            if _WHOLE(text)
            else "Delete it to have a new one created; this ends all tokens signed with the old one."
        )
        raise ConfigurationError(
            [f"{path} must hold a development key that only its owner can read. {what_to_do}"],
            point=validation.KEY_FILE,
        )
    return bytes.fromhex(text)


def _read_or_make(path: Path, entropy: Entropy) -> tuple[str, int]:
    """The file's text and mode; an empty text for what is no plain file. The lock makes one writer of two who ask."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
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
        fcntl.flock(file, fcntl.LOCK_EX)
        text = os.read(file, 4 * _BYTES).decode("ascii", "replace")
        if not text:
            text = entropy.take(_BYTES).hex() + "\n"
            os.write(file, text.encode())
            os.fsync(file)
        return text, mode
    finally:
        os.close(file)
