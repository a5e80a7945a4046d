"""A forked server is a server like any other: killed, started again on its data, ended in order, and heard if it fails."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from test_framework.chaos.forked_server import ForkedServer
from test_framework.server_process import ServerFailed
from test_framework.users import LocalUsers, TestUser

pytestmark = pytest.mark.long


def test_it_is_killed_starts_again_on_its_data_and_ends_in_order(tmp_path: Path) -> None:
    with ForkedServer(tmp_path / "data", workers=1) as server:
        user = LocalUsers(server.data_dir).make("ada@example.org")
        assert _who(server, user) == user.id
        first = server.process.pid
        server.kill()
        with pytest.raises(httpx.ConnectError):
            _who(server, user)
        server.start()
        assert _who(server, user) == user.id
        assert server.process.pid != first
        server.signal(signal.SIGSTOP)
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.1)
        server.signal(signal.SIGCONT)
        assert server.process.poll() is None
        assert server.stop() == 0


def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="NETRA_NONSENSE"), ForkedServer(tmp_path, {"NETRA_NONSENSE": "1"}):
        pass


def _who(server: ForkedServer, user: TestUser) -> str:
    headers = {"Authorization": f"Bearer {user.token}"}
    found: str = httpx.get(f"{server.url}/api/me", headers=headers, trust_env=False).json()["user_id"]
    return found
