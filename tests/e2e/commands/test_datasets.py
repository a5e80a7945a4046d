"""``netra datasets`` with and without a server."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from test_framework.server_process import ServerProcess

ROWS = (
    "ts,model,input_tokens,output_tokens\n2026-10-01T12:00:00Z,gpt-4o,1000,100\n2026-10-02T12:00:00Z,gpt-4o,1000,100\n"
)


@pytest.fixture(params=["through the server", "without a server"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    if request.param == "through the server":
        yield request.getfixturevalue("server")
        return
    alone = ServerProcess(tmp_path / "data", workers=1)
    yield alone
    alone.close()


def imported(place: ServerProcess, tmp_path: Path, user: str) -> str:
    """The id of a dataset of the user's own."""
    path = tmp_path / f"{user}.csv"
    path.write_text(ROWS)
    done = place.command("import", str(path), "--user", user, "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["dataset_id"])


def ids(place: ServerProcess, user: str) -> list[str]:
    listed = place.command("datasets", "list", "--user", user, "--json")
    assert listed.returncode == 0, listed.stderr
    return [each["dataset_id"] for each in json.loads(listed.stdout)["datasets"]]


def test_each_user_lists_their_own(place: ServerProcess, tmp_path: Path) -> None:
    mine = imported(place, tmp_path, "lea")
    assert mine in ids(place, "lea")
    assert mine not in ids(place, "max")
    shown = place.command("datasets", "list", "--user", "lea").stdout
    assert all(words in shown for words in (mine, "lea.csv", "table", "2026-10-01", "2026-10-02"))


def test_a_user_without_datasets_reads_how_to_import_some(place: ServerProcess) -> None:
    shown = place.command("datasets", "list", "--user", "nobody_yet")
    assert (shown.returncode, "netra import FILE" in shown.stdout) == (0, True)


def test_a_deleted_dataset_is_gone(place: ServerProcess, tmp_path: Path) -> None:
    mine = imported(place, tmp_path, "kim")
    done = place.command("datasets", "delete", mine, "--yes", "--user", "kim", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"deleted": mine})
    assert mine not in ids(place, "kim")


def test_another_users_dataset_is_as_absent_as_one_that_does_not_exist(place: ServerProcess, tmp_path: Path) -> None:
    mine = imported(place, tmp_path, "noa")
    foreign = place.command("datasets", "delete", mine, "--yes", "--user", "max", "--json")
    absent = place.command("datasets", "delete", "data_none", "--yes", "--user", "max", "--json")
    assert (foreign.returncode, foreign.stdout, foreign.stderr) == (1, absent.stdout, absent.stderr)
    assert json.loads(foreign.stdout)["error"] == "not_found"
    assert mine in ids(place, "noa")


def test_without_a_terminal_nothing_is_deleted_unless_it_is_confirmed(place: ServerProcess, tmp_path: Path) -> None:
    mine = imported(place, tmp_path, "pia")
    refused = place.command("datasets", "delete", mine, "--user", "pia")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert mine in ids(place, "pia")


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"y\n", 0)])
def test_in_a_terminal_it_asks_and_does_as_it_is_told(tmp_path: Path, answer: bytes, code: int) -> None:
    alone = ServerProcess(tmp_path / "data", workers=1)
    try:
        mine = imported(alone, tmp_path, "zoe")
        keyboard, terminal = pty.openpty()
        command = [sys.executable, "-m", "netra_backend", "datasets", "delete", mine, "--user", "zoe"]
        process = subprocess.Popen(
            command, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=alone.environment()
        )
        os.write(keyboard, answer)
        _, asked = process.communicate()
        os.close(keyboard)
        os.close(terminal)
        assert process.returncode == code, asked
        assert b"Delete zoe.csv (2 rows) for good?" in asked
        assert (mine in ids(alone, "zoe")) == bool(code)
    finally:
        alone.close()
