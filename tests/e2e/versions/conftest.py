"""What release 0.1.0 left, opened by today's server: as it lies in ``tests/data/0.1.0``, and written afresh by its own code."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import msgspec
import pytest

from test_framework.server_process import ServerProcess
from test_framework.service_clients import Prepared, own_database
from test_framework.users import LocalUsers
from test_framework.websocket_client import WebSocketTestClient, websocket_client

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests" / "data" / "0.1.0"
PATIENCE_S = 60.0
"""More than the lease of a process that was killed."""

Store = Literal["sqlite", "postgresql"]


@dataclass(frozen=True)
class Left:
    """What a server of 0.1.0 left in a store, and the record of what it had told (``write.py`` says what is in it)."""

    store: Store
    directory: Path
    record: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, store: Store, directory: Path) -> Left:
        return cls(store, directory, json.loads((directory / f"{store}.json").read_text(encoding="utf-8")))

    def frames(self, thread_id: str) -> list[str]:
        """All events of a thread, as text."""
        (frames,) = [each["frames"] for each in self.record["threads"] if each["thread_id"] == thread_id]
        return list(frames)

    def unpack(self, data_dir: Path) -> None:
        """Put the data directory, or what a server on PostgreSQL needs of it, where a server may use it."""
        with zipfile.ZipFile(self.directory / "sqlite.zip") as archive:
            wanted = [
                name
                for name in archive.namelist()
                if self.store == "sqlite" or name.startswith(("usage/", "development.key"))
            ]
            archive.extractall(data_dir, wanted)
        for path in (data_dir, *data_dir.rglob("*")):  # an archive keeps no modes
            path.chmod(0o700 if path.is_dir() else 0o600)


class Opened:
    """A server of today on what was left, where the clock stands ``later_ms`` after the end of the one before."""

    def __init__(self, left: Left, process: ServerProcess, later_ms: int) -> None:
        self.left = left
        self.process = process
        self._later_ms = later_ms

    def token(self, user: str) -> str:
        """A token that counts: one that 0.1.0 had issued, or, much later, one by the key that it had made."""
        if not self._later_ms:
            return str(self.left.record["tokens"][user])
        now_ms = self.left.record["stopped_at_ms"] + self._later_ms
        return LocalUsers(self.process.data_dir).token_for(f"user_{user}", now_ms=now_ms).token

    def http(self, user: str) -> httpx.AsyncClient:
        bearer = {"Authorization": f"Bearer {self.token(user)}"}
        return httpx.AsyncClient(base_url=self.process.url, headers=bearer, trust_env=False, timeout=PATIENCE_S)

    def device(self, user: str) -> AbstractAsyncContextManager[WebSocketTestClient]:
        return websocket_client(self.process.websocket_url, self.token(user), patience=PATIENCE_S)

    async def frames(self, user: str, thread_id: str) -> list[str]:
        """All events of a thread, as text, as they are told over HTTP."""
        frames: list[str] = []
        top = 1
        async with self.http(user) as http:
            while len(frames) < top:
                answer = await http.get(f"/api/threads/{thread_id}/events", params={"after": len(frames)})
                page = msgspec.json.decode(answer.raise_for_status().content, type=dict[str, msgspec.Raw])
                top = json.loads(bytes(page["top"]))
                frames += [bytes(each).decode() for each in msgspec.json.decode(page["events"], type=list[msgspec.Raw])]
        return frames


@contextmanager
def opened(
    left: Left, data_dir: Path, postgres: Prepared | None, settings: Mapping[str, str], *, later_ms: int = 0
) -> Iterator[Opened]:
    """Unpack, load, and migrate, as an operator would; the caller starts the server."""
    left.unpack(data_dir)
    clock = {"NETRA_TEST_STANDS_AT_MS": str(left.record["stopped_at_ms"] + later_ms)}
    with ExitStack() as stack:
        urls: dict[str, str] = {}
        to_migrate: tuple[str, ...] = ()
        if postgres is not None:
            runner = stack.enter_context(asyncio.Runner())
            place = loaded(postgres, (left.directory / "postgresql.sql").read_text(encoding="utf-8"))
            url, admin_url = runner.run(place.__aenter__())
            stack.callback(lambda: runner.run(place.__aexit__(None, None, None)))
            urls, to_migrate = {"NETRA_DATABASE_URL": url}, ("--database-url", admin_url)
        process = ServerProcess(data_dir, {**settings, **clock, **urls}, app="tests.e2e.versions.agents", workers=1)
        stack.callback(process.close)
        migrated = process.command("migrate", *to_migrate)
        assert migrated.returncode == 0, migrated.stderr
        yield Opened(left, process, later_ms)


@asynccontextmanager
async def loaded(postgres: Prepared, dump: str) -> AsyncIterator[tuple[str, str]]:
    """A database with what was dumped in it, as a server and as an administrator reach it."""
    async with own_database(postgres.server_url) as (db, admin_url):
        await db.execute(dump)
        yield postgres.login_url(admin_url.rpartition("/")[2]), admin_url


# --- where it comes from ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Release:
    """The code of a release, and a cache of its own, in one place."""

    place: Path

    @property
    def code(self) -> Path:
        return self.place / "code"

    @property
    def environment(self) -> Mapping[str, str]:
        """Makes a Python run this code, and not today's, in whatever directory it starts."""
        path = f"{self.code}{os.pathsep}{DATA}"
        return {"PYTHONPATH": path, "PYTHONSAFEPATH": "1", "XDG_CACHE_HOME": str(self.place / "cache")}


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A directory that ``make`` fills. The workers of a run share it: the first one that needs it makes it."""
    base = factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    place, made = root / name, root / f"{name}.made"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(place, ignore_errors=True)  # of a worker that did not get to the end
            place.mkdir(mode=0o700)
            make(place)
            made.touch()
    return place


@pytest.fixture(scope="session")
def release_0_1_0(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Release 0.1.0; its cache holds what each of its servers would otherwise have to learn."""
    commit = (DATA / "COMMIT").read_text().strip()

    def make(place: Path) -> None:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
        if archive.returncode:
            pytest.fail(
                f"This clone does not have release 0.1.0, commit {commit}. Get it with git fetch --unshallow (in CI: check "
                f"out with the whole history). git says: {archive.stderr.decode().strip()}",
                pytrace=False,
            )
        release = Release(place)
        release.code.mkdir()
        subprocess.run(["tar", "-x", "-C", str(release.code)], input=archive.stdout, check=True)
        run_in(release, "-m", "netra_backend.app.agents.triage.classifier")

    return Release(made_once(tmp_path_factory, "release-0.1.0", make))


def run_in(release: Release, *words: str) -> None:
    """Run a Python of this release to its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NETRA_")}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=release.code,
        env={**environment, **release.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def fresh_sqlite(release_0_1_0: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``tests/data/0.1.0`` holds of an embedded server, written now."""

    def make(place: Path) -> None:
        run_in(release_0_1_0, str(DATA / "write.py"), str(place), "sqlite")

    return made_once(tmp_path_factory, "fresh-sqlite", make)


@pytest.fixture(scope="session")
def fresh_postgresql(release_0_1_0: Release, fresh_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a server on PostgreSQL, which has the key and the datasets of the embedded one."""

    def make(place: Path) -> None:
        shutil.copy2(fresh_sqlite / "sqlite.zip", place)
        run_in(release_0_1_0, str(DATA / "write.py"), str(place), "postgresql")

    return made_once(tmp_path_factory, "fresh-postgresql", make)


LONG = pytest.mark.long
POSTGRES = pytest.mark.real_services


EMBEDDED = [
    pytest.param(("sqlite", None), id="sqlite"),
    pytest.param(("sqlite", "fresh_sqlite"), id="fresh-sqlite", marks=LONG),
]
SHARED = [
    pytest.param(("postgresql", None), id="postgresql", marks=POSTGRES),
    pytest.param(("postgresql", "fresh_postgresql"), id="fresh-postgresql", marks=[LONG, POSTGRES]),
]


@pytest.fixture(scope="module", params=[*EMBEDDED, *SHARED])
def left(request: pytest.FixtureRequest) -> Left:
    """What was left: recorded, or (long) written now."""
    store, fresh = request.param
    return Left.read(store, DATA if fresh is None else request.getfixturevalue(fresh))


@pytest.fixture(scope="module")
def postgres(left: Left, request: pytest.FixtureRequest) -> Prepared | None:
    """Where a dump is loaded; ``None`` for a data directory."""
    place: Prepared | None = request.getfixturevalue("prepared_postgres") if left.store == "postgresql" else None
    return place


@pytest.fixture(scope="session")
def model() -> Iterator[Mapping[str, str]]:
    """The settings of a server that asks the language model which 0.1.0 had asked."""
    spec = importlib.util.spec_from_file_location("model_server", DATA / "model_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.ModelServer(ends=True) as server:
        yield server.settings
