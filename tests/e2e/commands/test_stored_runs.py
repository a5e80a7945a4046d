"""``netra runs`` without a server: read from the event log that the last one left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers


@pytest.fixture
def left(tmp_path: Path) -> Iterator[tuple[ServerProcess, list[str]]]:
    """A stopped server with its own embedded log, and Ann's runs in it, the oldest first."""
    server = ServerProcess(tmp_path / "data", app="test_framework.echo", workers=1)
    try:
        server.start()
        asked = [server.command("ask", words, "--agent", "echo", "--user", "ann", "--json") for words in ("one", "two")]
        server.stop()
        yield server, [json.loads(each.stdout.splitlines()[-1])["run_id"] for each in asked]
    finally:
        server.close()


def test_runs_are_listed_and_shown_from_the_log_that_a_server_left(left: tuple[ServerProcess, list[str]]) -> None:
    server, (older, newer) = left
    found = json.loads(server.command("runs", "list", "--user", "ann", "--json").stdout)["runs"]
    assert [(run["run_id"], run["state"]) for run in found] == [(newer, "completed"), (older, "completed")]
    run = json.loads(server.command("runs", "show", older, "--user", "ann", "--json").stdout)
    assert [event["type"] for event in run["events"]][::5] == ["user_message", "agent_completed"]
    of_thread = server.command("runs", "list", "--user", "ann", "--thread", run["thread_id"], "--json")
    assert [each["run_id"] for each in json.loads(of_thread.stdout)["runs"]] == [older]


def test_another_users_runs_are_as_absent_as_ones_that_do_not_exist(left: tuple[ServerProcess, list[str]]) -> None:
    server, (older, _) = left
    assert json.loads(server.command("runs", "list", "--user", "bob", "--json").stdout) == {"runs": []}
    foreign = server.command("runs", "show", older, "--user", "bob")
    absent = server.command("runs", "show", "run_none", "--user", "bob")
    assert (foreign.returncode, foreign.stderr) == (1, absent.stderr)
    thread = json.loads(server.command("runs", "show", older, "--user", "ann", "--json").stdout)["thread_id"]
    assert server.command("runs", "list", "--user", "bob", "--thread", thread).returncode == 1


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[tuple[ServerProcess, str]]:
    """A server that was killed while a run of Cyd's went on that does not end by itself."""
    server = ServerProcess(tmp_path / "data", app="test_framework.served", workers=1)
    try:
        server.start()
        user = LocalUsers(server.data_dir).token_for("cyd")
        headers = {"Authorization": f"Bearer {user.token}"}
        with connect(f"{server.websocket_url}/ws/cyd", additional_headers=headers) as socket:
            socket.send(json.dumps({"type": "execute_agent", "agent": "patient", "message": "wait", "id": "k"}))
            frames = iter(socket)
            run_id = next(frame["run_id"] for frame in map(json.loads, frames) if frame["type"] == "agent_thinking")
        server.kill()
        yield server, run_id
    finally:
        server.close()


def events_of(server: ServerProcess, run_id: str) -> list[str]:
    run = json.loads(server.command("runs", "show", run_id, "--user", "cyd", "--json").stdout)
    return [event["type"] for event in run["events"]]


def test_a_run_that_was_cancelled_while_no_server_ran_does_not_go_on_with_the_next(
    killed: tuple[ServerProcess, str],
) -> None:
    server, run_id = killed
    assert server.command("runs", "cancel", run_id, "--user", "bob").returncode == 1
    done = server.command("runs", "cancel", run_id, "--user", "cyd", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"run_id": run_id, "state": "cancelled"})
    ended = events_of(server, run_id)
    assert ended[-1] == "agent_cancelled"
    again = server.command("runs", "cancel", run_id, "--user", "cyd", "--json")
    assert json.loads(again.stdout) == {"run_id": run_id, "state": "cancelled"}
    server.start()
    assert events_of(server, run_id) == ended


def test_a_run_of_a_user_who_was_revoked_while_no_server_ran_ends_with_the_next(
    killed: tuple[ServerProcess, str],
) -> None:
    server, run_id = killed
    assert server.command("revoke", "cyd").returncode == 0
    server.start()
    assert events_of(server, run_id)[-1] == "agent_cancelled"


def test_a_directory_that_no_server_ever_used_has_no_runs(tmp_path: Path) -> None:
    alone = ServerProcess(tmp_path / "data", workers=1)
    listed = alone.command("runs", "list", "--json")
    assert (listed.returncode, json.loads(listed.stdout)) == (0, {"runs": []})
    assert alone.command("runs", "show", "run_none").returncode == 1
