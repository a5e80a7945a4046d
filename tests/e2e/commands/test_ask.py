"""``netra ask`` against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from netra_backend.app.adapters.process.data_directory import lock_data_directory, make_data_directory
from test_framework.server_process import ServerProcess


def test_each_event_is_a_line_of_json_and_the_exit_code_says_that_the_run_completed(server: ServerProcess) -> None:
    asked = server.command("ask", "hello there", "--agent", "echo", "--user", "ann", "--json")
    assert asked.returncode == 0, asked.stderr
    events = [json.loads(line) for line in asked.stdout.splitlines()]
    assert [event["type"] for event in events] == [
        "user_message",
        "agent_started",
        "agent_thinking",
        "tool_executing",
        "tool_completed",
        "agent_completed",
    ]
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 6]


def test_resuming_shows_the_newest_thread_from_its_beginning(server: ServerProcess) -> None:
    for words in ("first", "second"):
        assert server.command("ask", words, "--agent", "echo", "--user", "bea").returncode == 0
    shown = server.command("ask", "--resume", "--user", "bea", "--json")
    assert shown.returncode == 0, shown.stderr
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    assert events[0]["text"] == "second"
    assert events[-1]["type"] == "agent_completed"


def test_a_person_sees_steps_and_the_answer(server: ServerProcess) -> None:
    asked = server.command("ask", "hello there", "--agent", "echo", "--user", "cyd")
    assert asked.returncode == 0, asked.stderr
    for words in ("agent_started", "tool_completed", "hello there", "thread thr_"):
        assert words in asked.stdout


def test_a_refusal_says_what_to_do_and_exits_with_one(server: ServerProcess) -> None:
    asked = server.command("ask", "hello", "--agent", "nobody", "--user", "ann")
    assert asked.returncode == 1
    assert "There is no agent named 'nobody'" in asked.stderr
    assert "Available agents:" in asked.stderr


def test_a_token_that_does_not_count_is_told_at_once(server: ServerProcess) -> None:
    asked = server.command("ask", "hello", "--token", "not.a.token")
    assert asked.returncode == 1
    assert "your token is not valid" in asked.stderr


def test_without_a_server_it_fails_at_once_with_the_command_that_starts_one(tmp_path: Path) -> None:
    alone = ServerProcess(tmp_path / "data", {"NETRA_PORT": "9"}, workers=1)
    asked = alone.command("ask", "hello", "--data-dir", str(tmp_path / "data"))
    assert asked.returncode == 1
    assert asked.stderr.splitlines() == [
        "✗ No server answers at http://127.0.0.1:9.",
        f"  Start one with: netra serve --data-dir {tmp_path / 'data'}",
        f"  Or try Netra out with: netra demo --data-dir {tmp_path / 'data'}",
    ]


def test_an_address_where_no_server_answers_is_named_and_fails_at_once(server: ServerProcess) -> None:
    asked = server.command("ask", "hello", "--url", "http://127.0.0.1:9", "--json")
    assert asked.returncode == 1
    assert "http://127.0.0.1:9" in asked.stderr
    assert "netra serve" in asked.stderr
    failure = json.loads(asked.stdout)
    assert (failure["type"], failure["error"]) == ("error", "connection_failed")


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://example.org", "http://"])
def test_what_is_no_address_of_a_server_is_a_usage_error(server: ServerProcess, url: str) -> None:
    asked = server.command("ask", "hello", "--url", url)
    assert asked.returncode == 2
    assert "is not the address of a server" in asked.stderr


def test_nothing_to_ask_is_a_usage_error(server: ServerProcess) -> None:
    asked = server.command("ask")
    assert asked.returncode == 2
    assert "Ask a question" in asked.stderr


def test_a_thread_of_nobody_and_one_of_another_user_cannot_be_told_apart(server: ServerProcess) -> None:
    hers = json.loads(
        server.command("ask", "mine", "--agent", "echo", "--user", "eve", "--json").stdout.splitlines()[0]
    )
    tried = [
        server.command("ask", "--resume", "--thread", thread, "--user", "fay")
        for thread in ("thr_none", "thr_none/events?", hers["thread_id"])
    ]
    assert [each.returncode for each in tried] == [1, 1, 1]
    assert len({each.stderr for each in tried}) == 1
    assert tried[0].stderr.startswith("✗ There is no such thread.")
    assert [each.stdout for each in tried] == ["", "", ""]


def test_the_thread_of_another_user_is_refused_in_plain_words(server: ServerProcess) -> None:
    hers = json.loads(
        server.command("ask", "mine", "--agent", "echo", "--user", "gil", "--json").stdout.splitlines()[0]
    )
    tried = server.command("ask", "hello", "--agent", "echo", "--thread", hers["thread_id"], "--user", "hal")
    assert tried.returncode == 1
    assert tried.stderr.startswith("✗ This thread belongs to another user.")


def test_a_thread_that_was_named_and_is_new_is_said_to_be(server: ServerProcess) -> None:
    said = [
        server.command("ask", "hello", "--agent", "echo", "--user", "ida", *named).stderr
        for named in (("--thread", "thr_bogus"), ("--thread", "thr_bogus"), ())
    ]
    assert said == ["There was no thread thr_bogus; a new one of that id was begun.\n", "", ""]


def test_a_server_that_is_still_starting_is_waited_for(tmp_path: Path) -> None:
    lock = lock_data_directory(make_data_directory(tmp_path / "data"))
    environment = ServerProcess(tmp_path / "data", workers=1).environment()
    command = (sys.executable, "-c", "from netra_backend.app.cli import main; main()", "ask", "hello")
    try:
        with subprocess.Popen(
            [*command, "--data-dir", str(tmp_path / "data")], env=environment, stderr=subprocess.PIPE, text=True
        ) as asking:
            assert asking.stderr is not None
            assert asking.stderr.readline() == "… the server is still starting; waiting for it\n"
            lock.announce("http://127.0.0.1:9")
            assert asking.stderr.readline() == "✗ No server answers at http://127.0.0.1:9.\n"
            asking.stderr.read()
        assert asking.returncode == 1
    finally:
        lock.release()
