"""``netra report`` in its three forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netra_backend.app.commands.sample_data import write_sample
from test_framework.server_process import ServerProcess


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
