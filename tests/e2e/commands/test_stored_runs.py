"""``netra runs`` without a server: read from the event log that the last one left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from test_framework.server_process import ServerProcess


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


def test_a_run_cannot_be_cancelled_without_a_server_and_the_command_says_what_starts_one(
    left: tuple[ServerProcess, list[str]],
) -> None:
    server, (older, _) = left
    refused = server.command("runs", "cancel", older, "--user", "ann", "--data-dir", str(server.data_dir))
    assert refused.returncode == 1
    assert f"netra serve --data-dir {server.data_dir}" in refused.stderr


def test_a_directory_that_no_server_ever_used_has_no_runs(tmp_path: Path) -> None:
    alone = ServerProcess(tmp_path / "data", workers=1)
    listed = alone.command("runs", "list", "--json")
    assert (listed.returncode, json.loads(listed.stdout)) == (0, {"runs": []})
    assert alone.command("runs", "show", "run_none").returncode == 1
