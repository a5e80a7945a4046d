"""``netra import`` with and without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from test_framework.server_process import ServerProcess

ROWS = "ts,model,input_tokens,output_tokens\n" + "".join(
    f"2026-10-{day:02d}T12:00:00Z,gpt-4o,1000,100\n" for day in range(1, 21)
)


@pytest.fixture
def spend(tmp_path: Path) -> Path:
    path = tmp_path / "spend.csv"
    path.write_text(ROWS)
    return path


def test_a_file_is_imported_through_the_server_once(server: ServerProcess, spend: Path) -> None:
    first = server.command("import", str(spend), "--user", "ann", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["accepted"] == 20
    second = server.command("import", str(spend), "--user", "ann", "--json")
    assert json.loads(second.stdout)["already_imported"] is True


def test_what_one_user_imports_is_not_another_users(server: ServerProcess, spend: Path) -> None:
    assert server.command("import", str(spend), "--user", "bea").returncode == 0
    report = server.command("report", "--user", "cyd", "--json")
    assert report.returncode == 1
    assert "no usage" in report.stderr.lower()


def test_without_a_server_the_same_command_imports_into_the_data_directory(tmp_path: Path, spend: Path) -> None:
    alone = ServerProcess(tmp_path / "data")
    try:
        imported = alone.command("import", str(spend), "--json")
        assert imported.returncode == 0, imported.stderr
        assert json.loads(imported.stdout)["accepted"] == 20
        report = json.loads(alone.command("report", "--json").stdout)
        assert report["summary"]["requests"] == 20
    finally:
        alone.close()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("header.csv", b"ts,model,input_tokens,output_tokens\n"),
        ("wrong.csv", b"colour,shape\nred,round\n"),
        ("binary.jsonl", bytes(range(256)) * 64),
        ("cut.jsonl", b'{"timestamp": 0, "input_length": 5, "output_length": 2, "hash_'),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do_and_nothing_is_imported(
    server: ServerProcess, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    refused = server.command("import", str(path), "--user", "dan")
    assert refused.returncode == 1, refused.stdout
    assert refused.stderr.strip().count("\n") >= 1, refused.stderr
    assert "Traceback" not in refused.stderr
    assert server.command("report", "--user", "dan").returncode == 1


def test_a_failed_import_lists_the_files_columns_with_what_they_were_taken_for(
    server: ServerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text("created_at,colour\n2026-10-01T12:00:00Z,red\n")
    failed = server.command("import", str(path), "--map", "ts=created_at", "--user", "dan")
    assert failed.returncode == 1
    rows = [line.split() for line in failed.stderr.splitlines()]
    assert ["created_at", "ts"] in rows
    assert ["colour", "not", "used"] in rows


@pytest.mark.parametrize("through_server", [True, False])
def test_a_failed_import_is_one_json_object_with_which_rows_failed_and_why(
    server: ServerProcess, tmp_path: Path, through_server: bool
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("ts,model,input_tokens,output_tokens\nsoon,gpt-4o,1,1\nlater,gpt-4o,1,1\n")
    place = server if through_server else ServerProcess(tmp_path / "data", workers=1)
    failed = place.command("import", str(path), "--user", "dan", "--json")
    assert failed.returncode == 1
    failure = json.loads(failed.stdout)
    assert (failure["type"], failure["error"], failure["code"]) == ("error", "tool_fault", "BAD_ROWS")
    assert failure["message"] in failed.stderr
    details = failure["details"]
    assert (details["accepted"], details["rejected"]) == (0, 2)
    assert details["mapping"]["ts"] == "ts"
    assert details["columns"] == ["ts", "model", "input_tokens", "output_tokens"]
    (reason,) = details["rejections"]
    assert (reason["reason"], reason["count"]) == ("ts is not a time", 2)
    assert [(each["record"], each["value"]) for each in reason["examples"]] == [(2, "soon"), (3, "later")]


def test_rejected_rows_are_shown_with_reasons_counts_and_where_they_are(server: ServerProcess, tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    path.write_text(ROWS + "soon,gpt-4o,1,1\n\x1b[31mred,gpt-4o,1,1\n2026-10-01T12:00:00Z,gpt-4o,-5,1\n")
    done = server.command("import", str(path), "--user", "fay")
    assert done.returncode == 0, done.stderr
    assert all(words in done.stdout for words in ("20 rows imported", "Rejected rows: 3", "row 22: soon", "row 24: -5"))
    assert "{" not in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("pair", ["ts", "ts=", "=when"])
def test_a_mapping_that_does_not_name_two_columns_is_a_usage_error_with_an_example(
    server: ServerProcess, spend: Path, pair: str
) -> None:
    refused = server.command("import", str(spend), "--map", "model=model", "--map", pair, "--json")
    assert refused.returncode == 2
    (sentence,) = refused.stderr.splitlines()
    assert f"--map {pair}" in sentence
    assert "--map ts=created_at" in sentence
    assert json.loads(refused.stdout)["error"] == "usage"


def test_a_preview_shows_the_mapping_and_imports_nothing(server: ServerProcess, spend: Path) -> None:
    shown = server.command("import", str(spend), "--user", "eve", "--preview")
    assert shown.returncode == 0, shown.stderr
    assert "input_tokens" in shown.stdout
    assert server.command("report", "--user", "eve").returncode == 1


def test_a_file_that_is_not_there_is_a_usage_error(server: ServerProcess) -> None:
    missing = server.command("import", "no-such-file.csv")
    assert missing.returncode == 2
    assert "There is no file" in missing.stderr
