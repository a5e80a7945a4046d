"""``netra report`` in its three forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netra_backend.app.commands.sample_data import write_sample
from netra_backend.app.commands.server_access import ServerAccess
from test_framework.server_process import ServerProcess

ROWS = "ts,model,input_tokens,output_tokens\n" + "".join(
    f"2026-10-{day:02d}T12:00:00Z,gpt-4o,1000,100\n" for day in range(1, 4)
)


@pytest.fixture(scope="module")
def user(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    sample = tmp_path_factory.mktemp("sample") / "sample.jsonl"
    write_sample(sample)
    imported = server.command("import", str(sample), "--user", "ann")
    assert imported.returncode == 0, imported.stderr
    return "ann"


def test_the_report_is_read_in_the_terminal(server: ServerProcess, user: str) -> None:
    report = server.command("report", "--user", user)
    assert report.returncode == 0, report.stderr
    assert "Where to cut" in report.stdout
    assert "house-model-7b" in report.stdout  # a model without a price is named, never left out


def test_the_report_as_json_holds_the_bill_and_the_savings(server: ServerProcess, user: str) -> None:
    report = json.loads(server.command("report", "--user", user, "--json").stdout)
    assert report["summary"]["requests"] > 1000
    assert report["savings"]["levers"]


def test_the_report_as_html_is_one_file_without_scripts(server: ServerProcess, user: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    written = server.command("report", "--user", user, "--html", str(path))
    assert written.returncode == 0, written.stderr
    text = path.read_text()
    assert "<svg" in text
    assert "<script" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")


async def test_a_server_is_asked_for_its_report_and_not_its_agent(server: ServerProcess, user: str) -> None:
    report = json.loads(server.command("report", "--user", user, "--json").stdout)
    async with ServerAccess(server.url, server.command("token", user).stdout.strip()) as access:
        assert await access.get("/api/usage/report") == report
        assert await access.get("/api/threads") == {"threads": []}


def test_the_report_is_the_same_with_a_server_and_without(tmp_path: Path) -> None:
    spend = tmp_path / "spend.csv"
    spend.write_text(ROWS)
    server = ServerProcess(tmp_path / "data")
    try:
        assert server.command("import", str(spend)).returncode == 0
        alone = [server.command("report", *form) for form in ((), ("--json",))]
        server.start()
        through_the_server = [server.command("report", *form) for form in ((), ("--json",))]
    finally:
        server.close()
    assert [each.stdout for each in alone] == [each.stdout for each in through_the_server]
    report = json.loads(alone[1].stdout)
    assert report["summary"]["requests"] == 3
    assert [note.partition(":")[0] for note in report["notes"]] == ["There is no forecast"]


def test_without_data_the_command_says_how_to_import_and_fails(server: ServerProcess, tmp_path: Path) -> None:
    alone = ServerProcess(tmp_path / "data")
    answers = [each.command("report", "--user", "nobody") for each in (server, alone)]
    alone.close()
    for answer in answers:
        assert answer.returncode == 1
        assert "There are no usage rows yet." in answer.stderr
        assert "netra import FILE" in answer.stderr
        assert answer.stdout == ""
