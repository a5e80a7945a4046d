"""The command line: which commands there are, and that one command loads nothing of the others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from netra_backend.app.cli import COMMANDS, command_line
from netra_backend.distribution import version

HEAVY = {"rich", "httpx", "websockets", "jwt", "cryptography", "duckdb", "starlette", "uvicorn", "sqlite3"}
NOT_FOR_SERVING = {
    "rich",
    "httpx",
    "duckdb",
    "sklearn",
    "statsmodels",
    "pandas",
    "pydantic",
    "nh3",
    "prometheus_client",
}


def loaded_by(program: str, *words: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after this program."""
    told = f"{program}\nimport sys; sys.stderr.write(' '.join(sorted({{n.split('.')[0] for n in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-c", told, *words], capture_output=True, text=True, check=True, env=os.environ
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_list_is_there_and_says_how_it_is_used(name: str) -> None:
    told = CliRunner().invoke(command_line([name]), [name, "--help"], prog_name="netra")
    assert told.exit_code == 0, told.output
    assert f"netra {name}" in told.output


def test_help_lists_all_commands() -> None:
    told = CliRunner().invoke(command_line(["--help"]), ["--help"])
    assert told.exit_code == 0
    assert all(name in told.output for name in COMMANDS)


def test_an_unknown_command_is_told_and_exits_with_2() -> None:
    told = CliRunner().invoke(command_line(["nothing"]), ["nothing"])
    assert told.exit_code == 2


def test_the_version_is_that_of_the_distribution_and_is_told_without_loading_a_command() -> None:
    program = (
        "from netra_backend.app.cli import command_line, main\n"
        "import sys; sys.argv = ['netra', '--version']\n"
        "try: main()\n"
        "except SystemExit as ended: assert not ended.code\n"
        "assert 'netra_backend.app.commands' not in sys.modules"
    )
    assert loaded_by(program) & HEAVY == set()
    told = CliRunner().invoke(command_line(["--version"]), ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"netra {version()}\n")


def test_a_token_is_made_without_loading_what_it_does_not_need(tmp_path: Path) -> None:
    program = (
        "from netra_backend.app.cli import command_line\n"
        f"command_line(['token'])(['token', 'ada', '--data-dir', {str(tmp_path / 'data')!r}], standalone_mode=False)"
    )
    assert loaded_by(program) & HEAVY == set()


def test_a_server_of_the_embedded_default_loads_nothing_that_it_does_not_need() -> None:
    assert (
        loaded_by("import netra_backend.app.serving, netra_backend.app.server.uvicorn_server") & NOT_FOR_SERVING
        == set()
    )
