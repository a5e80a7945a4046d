"""The filter of system calls: its program on both kinds of machine, and each denied call on this one."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from netra_backend.app.adapters.process import seccomp
from netra_backend.app.adapters.process.linux import machine

KINDS: Final = ("x86_64", "aarch64")
ARCHITECTURE: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HEADERS: Final = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
PID: Final = 4711
ALLOW: Final = 0
# read, write, openat, mmap, futex, getrandom, exit_group, clock_gettime
NEEDED: Final = {"x86_64": (0, 1, 257, 9, 202, 318, 231, 228), "aarch64": (63, 64, 56, 222, 98, 278, 94, 113)}


def verdict(
    kind: str,
    number: int,
    *arguments: int,
    architecture: int | None = None,
    program: Sequence[seccomp.Instruction] | None = None,
) -> int:
    """What the program says of a call: 0, or the number of an error. A processor of the few instructions that it is made of."""
    words = {0: number, 4: ARCHITECTURE[kind] if architecture is None else architecture}
    words |= {16 + 8 * place: value & 0xFFFFFFFF for place, value in enumerate((*arguments, 0, 0, 0)[:3])}
    program = seccomp.program(kind, PID) if program is None else program
    at = held = 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        if code == 0x20:
            held = words[operand]
        elif code == 0x06:
            return operand & 0xFFFF if operand >> 16 == 5 else ALLOW
        else:
            met = {0x15: held == operand, 0x25: held > operand, 0x45: bool(held & operand)}[code]
            at += if_true if met else if_false


@pytest.mark.parametrize("kind", KINDS)
def test_each_call_of_the_list_is_denied_on_both_kinds_of_machine(kind: str) -> None:
    denied = seccomp.denied(kind)
    assert {name: verdict(kind, number) for name, number in denied.items()} == dict.fromkeys(denied, errno.EPERM)
    assert len(set(denied.values())) == len(denied)
    assert len(denied) > 100


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_computation_needs_is_allowed(kind: str) -> None:
    assert [verdict(kind, number) for number in NEEDED[kind]] == [ALLOW] * len(NEEDED[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_thread_may_be_made_and_no_process(kind: str) -> None:
    clone = seccomp._CLONE[kind]
    assert verdict(kind, clone, 0x3D0F00) == ALLOW  # as pthread_create does
    assert verdict(kind, clone, 0x1200011) == errno.EPERM  # as fork does
    assert verdict(kind, 435) == errno.ENOSYS


@pytest.mark.parametrize("kind", KINDS)
def test_no_thread_may_be_made_once_there_are_to_be_no_more(kind: str) -> None:
    further = seccomp.program_against_threads(kind)
    assert verdict(kind, seccomp._CLONE[kind], 0x3D0F00, program=further) == errno.EPERM
    assert {verdict(kind, number, program=further) for number in NEEDED[kind]} == {ALLOW}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_made_only_by_who_has_a_directory_and_never_without_a_name(kind: str) -> None:
    none = seccomp.program(kind, PID, files=False)
    for number, place in seccomp._OPEN[kind]:
        read, make, nameless = ([0] * place + [flags] for flags in (0o2000000, 0o100 | 1, 0o20200000 | 2))
        assert [verdict(kind, number, *flags) for flags in (read, make, nameless)] == [ALLOW, ALLOW, errno.EPERM]
        judged = [verdict(kind, number, *flags, program=none) for flags in (read, make, nameless)]
        assert judged == [ALLOW, errno.EPERM, errno.EPERM]
    assert verdict(kind, 437) == errno.ENOSYS
    only = seccomp.denied(kind, files=False).keys() - seccomp.denied(kind).keys()
    assert {verdict(kind, seccomp.denied(kind, files=False)[name]) for name in only} == {ALLOW}
    assert {verdict(kind, seccomp.denied(kind, files=False)[name], program=none) for name in only} == {errno.EPERM}
    assert {"mkdirat", "linkat", "symlinkat", "renameat2", "unlinkat", "fallocate"} <= only


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_may_signal_itself_and_bound_itself_and_no_other(kind: str) -> None:
    for number in seccomp._KILL[kind]:
        assert verdict(kind, number, PID) == ALLOW
        assert {verdict(kind, number, pid) for pid in (0, 1, -1, PID + 1, -PID)} == {errno.EPERM}
    assert {verdict(kind, seccomp._PRLIMIT64[kind], pid) for pid in (0, PID)} == {ALLOW}
    assert verdict(kind, seccomp._PRLIMIT64[kind], 1) == errno.EPERM
    assert [verdict(kind, seccomp._FCNTL[kind], 3, command) for command in (1, 8, 10, 15, 1024, 1026, 1031)] == [
        ALLOW,
        *[errno.EPERM] * 6,
    ]
    assert [verdict(kind, seccomp._IOCTL[kind], 0, request) for request in (0x5401, 0x5412, 0x8901, 0x8902)] == [
        0,
        *[errno.EPERM] * 3,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_newer_than_the_list_or_of_another_kind_is_not_there(kind: str) -> None:
    assert {verdict(kind, number) for number in (451, 462, 1_000, 0x40000000, 0x40000029)} == {errno.ENOSYS}
    assert verdict(kind, 0, architecture=0x40000003) == errno.EPERM


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_those_of_the_kernels_own_headers(kind: str) -> None:
    if not HEADERS[kind].exists():
        pytest.skip("the headers of the kernel are missing: install linux-libc-dev")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", HEADERS[kind].read_text())
    numbers = {name: int(number) for name, number in found}
    denied = seccomp.denied(kind, files=False)
    assert {name: numbers.get(name) for name in denied} == denied
    wanted = {"clone": seccomp._CLONE[kind], "prlimit64": seccomp._PRLIMIT64[kind], "ioctl": seccomp._IOCTL[kind]}
    wanted |= {"fcntl": seccomp._FCNTL[kind], "seccomp": seccomp._SECCOMP[kind]}
    wanted |= dict(zip(("clone3", "openat2"), seccomp._IN_MEMORY, strict=True))
    wanted |= dict(zip(("openat", "open"), (number for number, _ in reversed(seccomp._OPEN[kind])), strict=False))
    wanted |= dict(zip(("kill", "tgkill"), seccomp._KILL[kind], strict=True))
    assert {name: numbers.get(name) for name in wanted} == wanted


ATTEMPTS: Final = """
import ctypes, os, sys
from netra_backend.app.adapters.process import seccomp
from netra_backend.app.adapters.process.linux import PR_SET_NO_NEW_PRIVS, call, machine, prctl
kind = machine()
prctl(PR_SET_NO_NEW_PRIVS, 1)
seccomp.deny(kind, seccomp.program(kind, os.getpid(), files=False))
assert "Seccomp:\t2" in open("/proc/self/status").read()  # without the filter, some of these would be done
wrong = []
for name, number in seccomp.denied(kind, files=False).items():
    try:
        call(number, -1, -1, -1, -1, -1, -1)  # the kernel itself would refuse these, or do nothing
        wrong.append((name, 0))
    except OSError as error:
        if error.errno != 1:
            wrong.append((name, error.errno))
print(wrong)
"""


@pytest.mark.skipif(machine() not in KINDS, reason="the filter is missing but on Linux of x86_64 and aarch64")
def test_the_kernel_denies_each_call_of_the_list() -> None:
    done = subprocess.run([sys.executable, "-c", ATTEMPTS], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_where_the_machine_is_of_another_kind_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "machine", lambda: "riscv64")
    assert seccomp.supported() is False
    monkeypatch.setattr(seccomp, "machine", lambda: None)
    assert seccomp.supported() is False
