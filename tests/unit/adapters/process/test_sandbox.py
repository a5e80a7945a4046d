"""What a process can still do behind the walls, tried in one: as the user that tests run as, and as nobody where that is root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

from netra_backend.app.adapters.process import landlock, sandbox, seccomp
from netra_backend.app.adapters.process.sandbox import walls

NOBODY: Final = 65_534
USERS: Final = ["this user", *(["nobody"] if os.getuid() == 0 else [])]
HEADING: Final = """
import errno, mmap, os, resource, signal, socket, subprocess, sys, threading
from pathlib import Path
import duckdb  # before rights are given up: nobody may be kept from where the interpreter lies
from netra_backend.app.adapters.process import linux, sandbox, seccomp
base, nobody = Path(sys.argv[1]), sys.argv[2] == "nobody"
if nobody:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
answer = os.fdopen(os.dup(1), "w")
def refused(attempt, *arguments, **named):
    try:
        attempt(*arguments, **named)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
def enter():
    return sandbox.enter(sandbox.Sandbox(files=(base / "given",), directory=base / "own", file_bytes=1 << 16))
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")


@pytest.fixture(params=USERS)
def inside(request: pytest.FixtureRequest) -> Iterator[Inside]:
    base = Path(tempfile.mkdtemp(prefix="netra-sandbox-"))
    base.chmod(0o755)
    (base / "own").mkdir()
    for name in ("given", "other"):
        (base / name).write_text(name)
    if request.param == "nobody":
        for path in (base, base / "own", base / "given", base / "other"):
            os.chown(path, NOBODY, NOBODY)
    yield Inside(base, request.param)
    shutil.rmtree(base)


class Inside:
    """Runs code in a process that may enter the sandbox, and gives what it answered, a line each."""

    def __init__(self, base: Path, user: str) -> None:
        self.base = base
        self.user = user

    def __call__(self, code: str) -> list[str]:
        command = [sys.executable, "-c", HEADING + dedent(code), str(self.base), self.user]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            told, faults = child.communicate(timeout=60)
        assert child.returncode == 0, faults
        return told.splitlines()


def test_there_is_no_network_no_program_and_no_process(inside: Inside) -> None:
    told = inside("""
        left, right = socket.socketpair()
        left.setblocking(False)
        enter()
        for attempt in (
            socket.socket,
            lambda: left.connect("\\0nowhere"),
            lambda: left.send(b"x"),
            lambda: left.recv(1),
            lambda: os.fork() or os._exit(0),
            lambda: subprocess.run(["/bin/true"]),
            lambda: os.kill(os.getppid(), 0),
            lambda: os.killpg(0, 0),
            lambda: os.chmod(base / "own", 0o777),
            lambda: os.memfd_create("x"),
            lambda: os.execv("/bin/true", ["true"]),
        ):
            print(refused(attempt), file=answer)
        threading.Thread(target=lambda: print("a thread", refused(socket.socket), file=answer)).start()
    """)
    assert told == ["EPERM"] * 11 + ["a thread EPERM"]


def test_a_thread_that_was_there_before_is_behind_the_filter_too(inside: Inside) -> None:
    told = inside("""
        ready, entered = threading.Event(), threading.Event()
        def other():
            ready.set(); entered.wait()
            print(refused(socket.socket), file=answer)
        thread = threading.Thread(target=other, daemon=True)
        thread.start(); ready.wait()
        enter(); entered.set(); thread.join()
    """)
    assert told == ["EPERM"]


@pytest.mark.skipif(landlock.version() == 0, reason="Landlock is missing from this kernel")
def test_files_are_read_where_they_are_given_and_written_in_its_own_directory(inside: Inside) -> None:
    told = inside("""
        enter()
        (base / "own" / "made").write_text("x")
        (base / "own" / "made").rename(base / "own" / "moved")
        (base / "own" / "moved").unlink()
        print((base / "given").read_text(), Path.cwd() == base / "own", file=answer)
        for attempt in (
            (base / "other").read_text,
            lambda: (base / "given").write_text("x"),
            lambda: os.truncate(base / "given", 0),
            (base / "given").unlink,
            lambda: (base / "new").write_text("x"),
            lambda: os.listdir(base),
            lambda: os.symlink("/etc", base / "own" / "link"),
            lambda: os.link(base / "given", base / "own" / "linked"),
            lambda: os.mkfifo(base / "own" / "pipe"),
            Path("/etc/passwd").read_text,
            Path("/proc/1/environ").read_text,
            lambda: Path(f"/proc/{os.getppid()}/environ").read_text(),
        ):
            print(refused(attempt), file=answer)
    """)
    assert told[0] == "given True"
    assert set(told[1:]) <= {"EACCES", "EPERM", "EXDEV"}
    assert len(told) == 13


def test_a_file_is_bounded_and_private_and_no_core_is_written(inside: Inside) -> None:
    told = inside("""
        enter()
        with open(base / "own" / "large", "wb", buffering=0) as file:
            file.write(b"x" * (1 << 16))
            print(refused(file.write, b"x"), file=answer)
        print(oct(os.stat(base / "own" / "large").st_mode & 0o777), resource.getrlimit(resource.RLIMIT_CORE), file=answer)
    """)
    assert told == ["EFBIG", "0o600 (0, 0)"]


def test_no_thread_is_started_any_more_and_those_that_are_there_go_on(inside: Inside) -> None:
    told = inside("""
        enter()
        goes_on = threading.Event()
        there = threading.Thread(target=lambda: goes_on.wait() and print("goes on", file=answer))
        there.start()
        sandbox.no_more_threads()
        try:
            threading.Thread(target=print).start()
        except RuntimeError:
            print("no more", file=answer)
        goes_on.set(); there.join()
    """)
    assert told == ["no more", "goes on"]


def test_without_a_directory_no_file_is_made_not_even_an_empty_one(inside: Inside) -> None:
    told = inside("""
        sandbox.enter(sandbox.Sandbox(files=(base / "given", base)))
        print((base / "given").read_text(), file=answer)
        for attempt in (
            (base / "own" / "new").touch,
            (base / "own" / "new").mkdir,
            (base / "given").unlink,
            lambda: (base / "given").rename(base / "own" / "moved"),
            lambda: os.link(base / "given", base / "own" / "linked"),
            lambda: os.truncate(base / "given", 0),
            lambda: os.open(base / "own", os.O_TMPFILE | os.O_RDWR),
        ):
            print(refused(attempt), file=answer)
    """)
    assert told == ["given", *["EPERM"] * 7]


def test_no_memory_of_the_kernel_is_taken_beyond_a_bounded_number_of_open_files(inside: Inside) -> None:
    told = inside("""
        import ctypes, fcntl, select
        libc = ctypes.CDLL(None, use_errno=True)
        def call(name, *arguments):
            if getattr(libc, name)(*arguments) < 0:
                raise OSError(ctypes.get_errno(), name)
        own = os.open(base / "own", os.O_RDONLY)
        enter()
        for attempt in (
            lambda: call("inotify_init"),
            lambda: call("inotify_init1", 0),
            select.epoll,
            lambda: call("eventfd", 0, 0),
            lambda: call("timerfd_create", 1, 0),
            os.pipe,
            lambda: call("mlockall", 1),
            lambda: fcntl.fcntl(own, fcntl.F_NOTIFY, fcntl.DN_CREATE),
            lambda: os.open(base / "own", os.O_TMPFILE | os.O_RDWR),
            lambda: call("syncfs", own),
        ):
            print(refused(attempt), file=answer)
        held = []
        print(refused(lambda: [held.append(os.open(base / "given", os.O_RDONLY)) for _ in range(300)]), file=answer)
        print(200 < len(held) < 256, resource.getrlimit(resource.RLIMIT_NOFILE), file=answer)
    """)
    assert told == [*["EPERM"] * 10, "EMFILE", "True (256, 256)"]


def test_no_signal_reaches_another_process_by_way_of_a_socket_that_was_inherited(inside: Inside) -> None:
    told = inside("""
        import fcntl, socket, struct
        own, other = socket.socketpair()
        parent = struct.pack("i", os.getppid())
        enter()
        for attempt in (
            lambda: fcntl.ioctl(own, 0x8901, parent),
            lambda: fcntl.ioctl(own, 0x8902, parent),
            lambda: fcntl.fcntl(own, fcntl.F_SETOWN, os.getppid()),
            lambda: fcntl.fcntl(own, 10, 9),
        ):
            print(refused(attempt), file=answer)
    """)
    assert told == ["EPERM"] * 4


def test_no_page_of_a_file_gets_into_a_pipe_that_was_inherited(inside: Inside) -> None:
    told = inside("""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        read, write = os.pipe()
        given = os.open(base / "given", os.O_RDONLY)
        enter()
        def call(name, *arguments):
            if getattr(libc, name)(*arguments) < 0:
                raise OSError(ctypes.get_errno(), name)
        page = (ctypes.c_size_t * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)
        for attempt in (
            lambda: call("splice", given, None, write, None, ctypes.c_size_t(1), 0),
            lambda: call("tee", read, write, ctypes.c_size_t(1), 2),
            lambda: call("vmsplice", write, page, ctypes.c_size_t(1), 0),
        ):
            print(refused(attempt), file=answer)
    """)
    assert told == ["EPERM"] * 3


@pytest.mark.skipif(landlock.version() == 0, reason="Landlock is missing from this kernel")
def test_no_directory_is_made_where_files_may_be(inside: Inside) -> None:
    told = inside("""
        enter()
        print(refused((base / "own" / "deeper").mkdir), file=answer)
    """)
    assert told == ["EACCES"]


def test_no_right_is_kept_and_none_can_be_gained(inside: Inside) -> None:
    told = inside("""
        status = open("/proc/self/status")
        enter()
        status.seek(0)
        for line in status.read().splitlines():
            if line.startswith(("CapEff", "CapPrm", "CapInh", "NoNewPrivs", "Seccomp:")):
                print(*line.split(), file=answer)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        print(refused(linux.prctl, 23, 0), file=answer)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard + 1, hard + 1))
        except (ValueError, OSError):
            print("bound", file=answer)
    """)
    rights = "0000000000000004" if inside.user != "nobody" and os.getuid() == 0 else "0000000000000000"
    assert {*told[:3]} == {"CapInh: 0000000000000000", f"CapPrm: {rights}", f"CapEff: {rights}"}
    assert told[3:5] == ["NoNewPrivs: 1", "Seccomp: 2"]
    assert told[-1] == "bound"


def test_the_engine_still_works(inside: Inside) -> None:
    told = inside("""
        enter()
        connection = duckdb.connect(str(base / "own" / "a.duckdb"))
        print(connection.execute("SELECT sum(range) FROM range(10)").fetchone()[0], file=answer)
        print(int(Path("/proc/self/statm").read_text().split()[0]) > 0, file=answer)
    """)
    assert told == ["45", "True"]


def test_code_is_found_beside_the_data_and_the_data_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "module.py").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / ".env").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sandbox, "_OF_ITSELF", ())
    allowed = sandbox._allowed(sandbox.Sandbox())
    beside = {path.name: rights for path, rights in allowed.items() if path.is_relative_to(tmp_path)}
    assert beside == {tmp_path.name: landlock.LIST, "package": landlock.READ, "module.py": landlock.READ}


def test_where_the_system_has_no_walls_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "machine", lambda: None)
    monkeypatch.setattr(landlock, "machine", lambda: None)
    assert walls().missing() == ["seccomp", "Landlock"]
