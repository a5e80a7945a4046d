"""Fixtures with a real server: one of our own, or the one that ``NETRA_STAGING_URL`` names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .server_process import ServerProcess
    from .users import MakesUsers, TestUser


@dataclass(frozen=True, slots=True)
class ServerUnderTest:
    """Where tests connect to. ``process`` is ``None`` where the server is elsewhere."""

    websocket_url: str
    http_url: str
    users: MakesUsers
    process: ServerProcess | None = None


@pytest.fixture(scope="session")
def server_under_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """The server of this worker. Drills are allowed on one of our own."""
    from .runner import STAGING_TOKEN_COMMAND, STAGING_URL
    from .server_process import ServerProcess
    from .users import LocalUsers, StagingUsers

    if url := os.environ.get(STAGING_URL):
        origin = url.rstrip("/")
        users = StagingUsers(os.environ.get(STAGING_TOKEN_COMMAND, ""))
        yield ServerUnderTest(origin.replace("http", "ws", 1), origin.replace("ws", "http", 1), users)
        return
    data_dir = tmp_path_factory.mktemp("server") / "data"
    with ServerProcess(data_dir, {"NETRA_ALLOW_DRILLS": "1"}) as process:
        yield ServerUnderTest(process.websocket_url, process.url, LocalUsers(data_dir), process)


@pytest.fixture
def real_services(server_under_test: ServerUnderTest) -> dict[str, Any]:
    """``websocket_url`` and ``http_url`` of a running server, and ``users``, which makes users of it."""
    return {
        "websocket_url": server_under_test.websocket_url,
        "http_url": server_under_test.http_url,
        "users": server_under_test.users,
        "process": server_under_test.process,
    }


@pytest.fixture
def authenticated_user(server_under_test: ServerUnderTest) -> TestUser:
    """A new user with a token."""
    return server_under_test.users.make("someone@example.org")
