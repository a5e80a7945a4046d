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


def test_a_preview_shows_the_mapping_and_imports_nothing(server: ServerProcess, spend: Path) -> None:
    shown = server.command("import", str(spend), "--user", "eve", "--preview")
    assert shown.returncode == 0, shown.stderr
    assert "input_tokens" in shown.stdout
    assert server.command("report", "--user", "eve").returncode == 1


def test_a_file_that_is_not_there_is_a_usage_error(server: ServerProcess) -> None:
    missing = server.command("import", "no-such-file.csv")
    assert missing.returncode == 2
    assert "There is no file" in missing.stderr
