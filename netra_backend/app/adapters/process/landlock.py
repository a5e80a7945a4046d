"""Files that a process may reach, by the kernel's Landlock; where the kernel knows more of it, no TCP and no signals either.

It holds for the thread that calls and for those that it starts later, so call it before there are others.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .linux import call, machine

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on all machines
_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 5
_MAKE_REG, _TRUNCATE = 1 << 8, 1 << 14
_OF_FILES: Final = _WRITE_FILE | _READ_FILE | _TRUNCATE

LIST: Final = _READ_DIR
"""See the names in a directory, and below it."""
READ: Final = _READ_FILE | _READ_DIR
WRITE: Final = READ | _OF_FILES | _REMOVE_FILE | _MAKE_REG
"""Read, and make, change and remove regular files in it; no directories, so that one look sees all that there is."""


def version() -> int:
    """How much of Landlock this kernel knows; 0 if it knows none, or has it switched off."""
    if machine() is None:
        return 0
    try:
        return call(_CREATE, 0, 0, 1)
    except OSError:
        return 0


def restrict(allowed: Mapping[Path, int], known: int) -> None:
    """Let this thread reach what is ``allowed`` (path → ``LIST``, ``READ`` or ``WRITE``, for all below it), and nothing else.

    ``known`` is ``version()``, at least 1; ``no_new_privs`` must be set. A path that is not there is left out. Raises
    ``OSError``.
    """
    judged = (1 << 13) - 1  # all of the first version: also what is never allowed, such as execution and sockets
    judged |= sum(bit for since, bit in ((2, 1 << 13), (3, _TRUNCATE), (5, 1 << 15)) if known >= since)
    words = [
        judged,
        *([3] if known >= 4 else []),
        *([3] if known >= 6 else []),
    ]  # TCP: bind, connect; abstract sockets, signals
    encoded = struct.pack(f"={len(words)}Q", *words)
    rules = call(_CREATE, ctypes.create_string_buffer(encoded, len(encoded)), len(encoded), 0)
    try:
        for path, rights in allowed.items():
            _add(rules, path, rights & judged)
        call(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _add(rules: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # what this process cannot reach needs no rule
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        if rights:
            rule = struct.pack("=Qi", rights, place)
            call(_ADD, rules, 1, ctypes.create_string_buffer(rule, len(rule)), 0)
    finally:
        os.close(place)
