"""The walls around a process that handles what strangers wrote: what is left to it when it is taken over.

It has no network, starts no program and no process, signals and reads no other one, gains no rights, leaves no core dump,
takes no memory of the kernel beyond its own, writes into its working directory alone, and in bounds, and reads there, in the
files that it was given, and in the code that it is made of. Enter it before the first byte of the stranger's is looked at, and
before there are threads; then start those that it needs, and call ``no_more_threads``.

What no system call bounds is the parent's to bound: how many files there are in the directory, and how large they are together
(each one for itself is bounded here).
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from . import landlock, seccomp
from .linux import PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, keep_only_capabilities, machine, prctl

_SYSTEM: Final = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/usr/share/zoneinfo", "/etc/localtime",
    "/etc/ld.so.cache", "/sys/devices/system/cpu", "/sys/fs/cgroup",
)  # fmt: skip
_OF_ITSELF: Final = ("/proc/self/cgroup", "/proc/self/statm")  # how much it may map, and has mapped
_INSTALLED: Final = ("site-packages", "dist-packages")
_CODE: Final = frozenset({".py", ".pyc", ".so", ".zip"})
_MOST_ENTRIES: Final = 2_000
_OPEN_FILES: Final = 256
_READ_ANYBODYS_FILES: Final = 1 << 2  # CAP_DAC_READ_SEARCH: root may import a file of somebody else's


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a process keeps: ``files`` to read, one directory to work in (``None``: it makes no file and writes none), bytes of
    one file."""

    files: tuple[Path, ...] = ()
    directory: Path | None = None
    file_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Walls:
    """What this system enforces: a filter of system calls, and which version of Landlock (0: none)."""

    system_calls: bool
    landlock: int

    def missing(self) -> list[str]:
        """What it does not enforce, in words."""
        absent = [] if self.system_calls else ["seccomp"]
        return absent if self.landlock else [*absent, "Landlock"]


def walls() -> Walls:
    """The walls that this system has."""
    return Walls(seccomp.supported(), landlock.version())


def keep_memory_private() -> None:
    """No core dump of this process or its children, and on Linux no look into its memory by others of the same user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if machine() is not None:
        prctl(PR_SET_DUMPABLE, 0)


def enter(sandbox: Sandbox) -> Walls:
    """Put this process behind the walls that the system has, for ever; which ones these are. Raises ``OSError``."""
    found = walls()
    keep_memory_private()
    resource.setrlimit(resource.RLIMIT_FSIZE, (sandbox.file_bytes, sandbox.file_bytes))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_files = _OPEN_FILES if most == resource.RLIM_INFINITY else min(_OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    os.chdir(sandbox.directory or "/")
    os.umask(0o077)
    kind = machine()
    if kind is None:
        return found
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if found.landlock:
        landlock.restrict(_allowed(sandbox), found.landlock)
    keep_only_capabilities(_READ_ANYBODYS_FILES)
    if found.system_calls:
        seccomp.deny(kind, seccomp.program(kind, os.getpid(), files=sandbox.directory is not None))
    return found


def no_more_threads() -> None:
    """Start no thread any more, where the system filters calls: of a user's threads it has only so many for all processes.
    Raises ``OSError``."""
    kind = machine()
    if kind is not None and seccomp.supported():
        seccomp.deny(kind, seccomp.program_against_threads(kind))


def _allowed(sandbox: Sandbox) -> dict[Path, int]:
    installed = [Path(os.__file__).parent, *(Path(entry) for entry in sys.path if entry.endswith(_INSTALLED))]
    places = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    libraries = [*_SYSTEM, f"{sys.base_prefix}/lib", *filter(None, places)]
    allowed = dict.fromkeys([*installed, *map(Path, libraries)], landlock.READ)
    for entry in map(Path, filter(None, sys.path)):
        if allowed.keys().isdisjoint((entry, *entry.parents)):
            allowed[entry] = landlock.LIST
            allowed.update(dict.fromkeys(_code_in(entry), landlock.READ))
    for path in filter(os.path.exists, _OF_ITSELF):
        # Kept open, because a rule is for an inode, and the kernel makes another one if nobody holds this one.
        allowed[Path(f"/proc/self/fd/{os.open(path, os.O_PATH | os.O_CLOEXEC)}")] = landlock.READ
    allowed.update(dict.fromkeys(sandbox.files, landlock.READ))
    if sandbox.directory is not None:
        allowed[sandbox.directory] = landlock.WRITE
    return allowed


def _code_in(entry: Path) -> Iterable[Path]:
    """The modules and packages of a place where modules are looked for: what else lies there may be anything."""
    found: list[Path] = []
    try:
        with os.scandir(entry) as inside:
            for place in islice(inside, _MOST_ENTRIES):
                path = Path(place.path)
                if path.suffix in _CODE or (path / "__init__.py").exists():
                    found.append(path)
    except NotADirectoryError:  # an archive of modules
        return [entry]
    except OSError:  # nothing that this process could read
        return found
    return found
