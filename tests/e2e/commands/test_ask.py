"""``netra ask`` against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
