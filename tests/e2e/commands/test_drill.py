"""``netra drill`` against a real server: only refusals there, LEAKED where a guard was taken out of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from test_framework.disabling.import_hook import path_for_children
from test_framework.ids import new_id
from test_framework.server_process import ServerProcess, json_lines
from test_framework.users import LocalUsers


@pytest.fixture
def server(tmp_path: Path) -> ServerProcess:
    return ServerProcess(tmp_path / "data")


def test_every_endpoint_of_a_real_server_refuses_and_the_command_exits_0(server: ServerProcess) -> None:
    with server:
        done = server.command("drill", server.url, "--json")
        assert done.returncode == 0, done.stderr
        rows = json_lines(done.stdout)
        assert len(rows) == 33
        assert {row["verdict"] for row in rows} == {"refused"}
        shown = server.command("drill", server.url)
        assert "LEAKED" not in shown.stdout
        assert shown.stdout.count("refused") == 33


def test_two_given_users_are_drilled_with_and_nothing_of_it_stays(server: ServerProcess) -> None:
    with server:
        tokens = [LocalUsers(server.data_dir).make("x").token for _ in range(2)]
        done = server.command("drill", server.url, "--json", "--token", tokens[0], "--token", tokens[1])
        assert done.returncode == 0, done.stderr
        asked = server.command("ask", "--resume", "--url", server.url, "--token", tokens[0])
        assert "You have no threads yet" in asked.stderr


def test_a_guard_that_was_taken_out_of_the_server_is_a_leak_and_exits_1(tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.mkdir()
    path = path_for_children("netra_backend.app.services.conversations:THREAD_OWNED", hook)
    with ServerProcess(tmp_path / "data", {"PYTHONPATH": path}) as server:
        done = server.command("drill", server.url, "--json")
        assert done.returncode == 1, done.stderr
        leaked = {row["endpoint"] for row in json_lines(done.stdout) if row["verdict"] == "LEAKED"}
        assert {"read another user's events", "rename another user's thread", "resume another user's thread"} <= leaked


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--token", "only one"], "tokens of two users"),
        (["--token", "nonsense", "--token", "nonsense"], "your token is not valid"),
    ],
)
def test_a_drill_that_cannot_be_held_exits_otherwise_and_says_why(
    server: ServerProcess, arguments: list[str], told: str
) -> None:
    with server:
        done = server.command("drill", server.url, *arguments)
        assert done.returncode in (1, 2)
        assert told in done.stderr


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = ServerProcess(tmp_path / "data").command("drill", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "The drill could not be completed" in done.stderr


def test_the_same_user_twice_is_no_drill(server: ServerProcess) -> None:
    with server:
        token = LocalUsers(server.data_dir).token_for(new_id("user")).token
        done = server.command("drill", server.url, "--token", token, "--token", token)
        assert done.returncode == 2
        assert "both tokens belong to the same" in done.stderr
