"""``netra runs`` against a real server, and over the event log that it left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.client import connect

from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("runs") / "data", app="test_framework.served") as running:
        yield running


def asked(server: ServerProcess, user: str, words: str, *more: str) -> list[dict[str, Any]]:
    done = server.command("ask", words, "--agent", "echo", "--user", user, "--json", *more)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def listed(server: ServerProcess, user: str, *more: str) -> list[dict[str, Any]]:
    done = server.command("runs", "list", "--user", user, "--json", *more)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["runs"]
    return found


@pytest.fixture(scope="module")
def history(server: ServerProcess) -> list[dict[str, Any]]:
    """The last events of three runs of Ann's, two of them in one thread; the newest last."""
    first = asked(server, "ann", "one")[-1]
    return [first, asked(server, "ann", "two")[-1], asked(server, "ann", "three", "--thread", first["thread_id"])[-1]]


def test_runs_are_listed_with_their_state_and_times(server: ServerProcess, history: list[dict[str, Any]]) -> None:
    found = listed(server, "ann")
    assert [run["run_id"] for run in found] == [history[n]["run_id"] for n in (2, 0, 1)]
    assert {run["state"] for run in found} == {"completed"}
    assert [run["ended_ms"] for run in found] == [history[n]["ts"] for n in (2, 0, 1)]
    assert [run["run_id"] for run in listed(server, "ann", "--limit", "1")] == [history[2]["run_id"]]
    of_thread = listed(server, "ann", "--thread", history[1]["thread_id"])
    assert [run["run_id"] for run in of_thread] == [history[1]["run_id"]]
    assert listed(server, "bob") == []
    shown = server.command("runs", "list", "--user", "ann").stdout
    assert all(each[name] in shown for each in history for name in ("run_id", "thread_id"))


def test_without_a_terminal_a_run_that_asks_is_left_with_how_to_answer_it(server: ServerProcess) -> None:
    asked = server.command("ask", "hello", "--agent", "waiting", "--user", "dora")
    assert asked.returncode == 3
    (run,) = listed(server, "dora")
    assert run["state"] == "waiting"
    question, how = asked.stderr.splitlines()
    assert "there is no terminal to ask at: May repeat_if_allowed be called" in question
    assert how.startswith("To answer, type on a terminal: netra ask --resume")
    assert how.endswith(f"--user dora --thread {run['thread_id']}")
    resumed = server.command("ask", "--resume", "--thread", run["thread_id"], "--user", "dora")
    assert (resumed.returncode, resumed.stderr) == (3, asked.stderr)
    shown = server.command("runs", "show", run["run_id"], "--user", "dora")
    assert "waiting for your answer" in shown.stdout
    assert f"netra ask --resume --thread {run['thread_id']}" in shown.stdout


def test_a_run_is_shown_with_its_events(server: ServerProcess, history: list[dict[str, Any]]) -> None:
    run_id = history[0]["run_id"]
    run = json.loads(server.command("runs", "show", run_id, "--user", "ann", "--json").stdout)
    assert (run["run_id"], run["ended"], run["events"][-1]) == (run_id, True, history[0])
    shown = server.command("runs", "show", run_id, "--user", "ann").stdout
    assert all(words in shown for words in ("agent_completed", run_id, run["thread_id"]))


def test_a_run_that_has_ended_is_asked_again_as_a_new_one_in_its_thread(server: ServerProcess) -> None:
    first = asked(server, "eva", "once more")[-1]
    done = server.command("runs", "retry", first["run_id"], "--user", "eva", "--json")
    told = json.loads(done.stdout)
    assert (told["retried"], told["thread_id"]) == (first["run_id"], first["thread_id"]), done.stderr
    assert told["run_id"] != first["run_id"]
    run = json.loads(server.command("runs", "show", told["run_id"], "--user", "eva", "--json").stdout)
    assert (run["events"][0]["text"], run["events"][0]["agent"]) == ("once more", "echo")
    shown = server.command("runs", "retry", first["run_id"], "--user", "eva").stdout
    assert first["run_id"] in shown


def test_a_message_with_more_than_text_is_left_to_its_users_client(server: ServerProcess) -> None:
    headers = {"Authorization": f"Bearer {LocalUsers(server.data_dir).token_for('fay').token}"}
    with connect(f"{server.websocket_url}/ws/fay", additional_headers=headers) as socket:
        parts = [{"type": "data", "data": {"a": 1}}]
        socket.send(
            json.dumps({"type": "execute_agent", "agent": "echo", "message": "hello", "parts": parts, "id": "k"})
        )
        while (frame := json.loads(socket.recv()))["type"] != "agent_completed":
            assert frame["type"] != "error", frame
    done = server.command("runs", "retry", frame["run_id"], "--user", "fay", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]) == (1, "has_attachments")


@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
def test_another_users_run_is_as_absent_as_one_that_does_not_exist(
    server: ServerProcess, history: list[dict[str, Any]], command: str
) -> None:
    foreign = server.command("runs", command, history[0]["run_id"], "--user", "bob", "--json")
    absent = server.command("runs", command, "run_none", "--user", "bob", "--json")
    assert (foreign.returncode, foreign.stdout, foreign.stderr) == (1, absent.stdout, absent.stderr)
    assert json.loads(foreign.stdout)["error"] == "not_found"
    assert server.command("runs", "list", "--thread", history[0]["thread_id"], "--user", "bob").returncode == 1


@pytest.fixture
def patient(server: ServerProcess) -> Iterator[str]:
    """A run of Cyd's that does not end by itself."""
    user = LocalUsers(server.data_dir).token_for("cyd")
    headers = {"Authorization": f"Bearer {user.token}"}
    with connect(f"{server.websocket_url}/ws/cyd", additional_headers=headers) as socket:
        socket.send(json.dumps({"type": "execute_agent", "agent": "patient", "message": "wait", "id": "k"}))
        while True:
            frame = json.loads(socket.recv())
            if frame["type"] == "agent_thinking":
                yield frame["run_id"]
                return


def test_a_run_is_cancelled_and_has_ended_when_the_command_returns(server: ServerProcess, patient: str) -> None:
    assert [run["state"] for run in listed(server, "cyd")] == ["running"]
    refused = server.command("runs", "retry", patient, "--user", "cyd", "--json")
    assert (refused.returncode, json.loads(refused.stdout)["error"]) == (1, "run_in_progress")
    done = server.command("runs", "cancel", patient, "--user", "cyd", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"run_id": patient, "state": "cancelled"})
    assert [run["state"] for run in listed(server, "cyd")] == ["cancelled"]
    again = server.command("runs", "cancel", patient, "--user", "cyd")
    assert (again.returncode, "cancelled" in again.stdout) == (0, True)
