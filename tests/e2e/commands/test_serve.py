"""``netra serve`` and ``netra token``."""

from __future__ import annotations

from pathlib import Path

import pytest

from test_framework.server_process import ServerFailed, ServerProcess


def test_a_server_ends_with_zero_on_sigterm(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data").start()
    try:
        assert server.stop() == 0
    finally:
        server.close()


def test_two_servers_do_not_share_a_data_directory(server: ServerProcess) -> None:
    second = ServerProcess(server.data_dir)
    try:
        with pytest.raises(ServerFailed, match="is in use by"):
            second.start()
    finally:
        second.close()


def test_a_bind_that_others_can_reach_needs_keys_of_the_operators(tmp_path: Path) -> None:
    open_to_all = ServerProcess(tmp_path / "data", {"NETRA_HOST": "0.0.0.0"})
    try:
        with pytest.raises(ServerFailed, match="NETRA_JWT"):
            open_to_all.start()
    finally:
        open_to_all.close()


@pytest.mark.parametrize(
    ("settings", "workers"), [({"NETRA_REDIS_URL": "redis://127.0.0.1:6379"}, 1), ({}, 2)], ids=["redis", "workers"]
)
def test_what_several_processes_need_is_refused_without_the_database_that_they_share(
    tmp_path: Path, settings: dict[str, str], workers: int
) -> None:
    server = ServerProcess(tmp_path / "data", settings, workers=workers)
    try:
        with pytest.raises(ServerFailed, match="NETRA_DATABASE_URL"):
            server.start()
    finally:
        server.close()


def test_a_token_stands_alone_on_stdout_and_a_link_carries_it_in_its_fragment(server: ServerProcess) -> None:
    token = server.command("token", "ann", "--scope", "admin", "--ttl", "60")
    assert token.returncode == 0
    assert token.stdout.strip().count(".") == 2
    assert len(token.stdout.split()) == 1
    link = server.command("token", "ann", "--link").stdout.strip()
    assert link.startswith(f"{server.url}/#token=")


def test_a_token_for_a_placeholder_is_refused(server: ServerProcess) -> None:
    refused = server.command("token", "test_user")
    assert refused.returncode == 1
    assert "Forbidden placeholder values" in refused.stderr
