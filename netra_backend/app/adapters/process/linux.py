"""Calls of the Linux kernel that the standard library has no name for."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from typing import Final

PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38


def machine() -> str | None:
    """The kind of this machine, if it runs Linux and programs of 64 bits."""
    return platform.machine() if sys.platform == "linux" and sys.maxsize > 1 << 32 else None


@cache
def libc() -> ctypes.CDLL:
    """The C library that this process has loaded already."""
    return ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: object) -> int:
    """The result of a system call. Raises ``OSError``."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return _checked(libc().syscall(ctypes.c_long(number), *words))


def prctl(option: int, value: int) -> None:
    """Change a property of this process. Raises ``OSError``."""
    _checked(libc().prctl(ctypes.c_int(option), *(ctypes.c_ulong(word) for word in (value, 0, 0, 0))))


def keep_only_capabilities(mask: int) -> None:
    """Give up all capabilities of this thread but those of ``mask``, and gain none. Raises ``OSError``."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this thread
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable: the lower 32, then the upper 32
    _checked(libc().capget(header, sets))
    for place in range(6):
        sets[place] &= (mask >> (32 if place > 2 else 0)) & 0xFFFFFFFF if place % 3 != 2 else 0
    _checked(libc().capset(header, sets))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
