"""``netra check``."""

from __future__ import annotations

import json
from pathlib import Path

from test_framework.server_process import ServerProcess


def test_all_parts_are_reported_and_hold(tmp_path: Path) -> None:
    checked = ServerProcess(tmp_path / "data", workers=1).command("check", "--json")
    assert checked.returncode == 0, checked.stdout
    report = json.loads(checked.stdout)
    assert report["ok"] is True
    assert {each["part"] for each in report["findings"]} >= {
        "packages",
        "configuration",
        "data directory",
        "event log",
        "usage ledger",
    }


def test_all_faults_of_the_configuration_are_told_at_once(tmp_path: Path) -> None:
    wrong = ServerProcess(tmp_path / "data", {"NETRA_PORT": "many", "NETRA_HSOT": "127.0.0.1"})
    try:
        checked = wrong.command("check")
    finally:
        wrong.close()
    assert checked.returncode == 1
    assert "NETRA_PORT" in checked.stdout
    assert "NETRA_HOST" in checked.stdout  # the nearest known name


def test_it_says_what_becomes_of_secrets(tmp_path: Path) -> None:
    def told(**settings: str) -> tuple[bool, str]:
        checked = ServerProcess(tmp_path / "data", settings, workers=1).command("check", "--json")
        (found,) = (each for each in json.loads(checked.stdout)["findings"] if each["part"] == "secrets")
        return found["ok"], found["told"]

    assert told() == (True, "none of users are kept (set NETRA_SECRETS_KEY to keep them)")
    keys = {"NETRA_SECRETS_KEY": "k" * 32, "NETRA_SECRETS_KEY_PREVIOUS": "p" * 32}
    assert told(**keys) == (True, "of users are sealed with NETRA_SECRETS_KEY; the previous key is still set")
    ok, reason = told(NETRA_SECRETS_DIR=str(tmp_path / "absent"))
    assert not ok
    assert "NETRA_SECRETS_DIR is not a directory" in reason


def test_a_finding_is_shown_as_it_is_said(tmp_path: Path) -> None:
    directory = tmp_path / "data[bold]"
    alone = ServerProcess(directory, {"COLUMNS": "400"}, workers=1)
    try:
        checked = alone.command("check")
    finally:
        alone.close()
    assert checked.returncode == 0, checked.stdout
    assert f"{directory}, not in use" in checked.stdout


def test_a_store_of_a_version_that_is_not_known_is_told(tmp_path: Path) -> None:
    import sqlite3

    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    connection = sqlite3.connect(directory / "events.db")
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    alone = ServerProcess(directory, workers=1)  # over the embedded store, whatever the others of the suite run on
    try:
        checked = alone.command("check")
    finally:
        alone.close()
    assert checked.returncode == 1
    assert "999" in checked.stdout


def test_a_factory_is_judged_by_name(server: ServerProcess) -> None:
    good = server.command(
        "check", "--factory", "netra_backend.app.services.websocket_bridge_factory:WebSocketBridgeFactory"
    )
    assert good.returncode == 0, good.stdout
    bad = server.command("check", "--factory", "collections:Counter")
    assert bad.returncode == 1
    assert "Missing SSOT validation flag" in bad.stdout
    absent = server.command("check", "--factory", "no_such_module:Factory")
    assert absent.returncode == 2


def test_another_distribution_that_brings_our_packages_is_told_before_the_configuration(tmp_path: Path) -> None:
    about = tmp_path / "installed" / "another_one-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: another-one\nVersion: 1.0\n")
    (about / "RECORD").write_text("netra_backend/__init__.py,,\n")
    alone = ServerProcess(tmp_path / "data", {"PYTHONPATH": str(about.parent), "NETRA_PORT": "many"}, workers=1)
    try:
        checked = alone.command("check", "--json")
    finally:
        alone.close()
    assert checked.returncode == 1
    packages, configuration = json.loads(checked.stdout)["findings"]
    assert (packages["part"], packages["ok"]) == ("packages", False)
    assert "pip uninstall another-one" in packages["told"]
    assert configuration["part"] == "configuration"
