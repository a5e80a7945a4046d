"""``netra simulate``."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from netra_backend.app.cli import command_line
from test_framework.simulation.command import add_commands


def run(*words: str) -> tuple[int, str]:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_commands(app)
    done = CliRunner().invoke(app, ["simulate", *words])
    return done.exit_code, done.output


def test_seeds_that_keep_every_promise_exit_0() -> None:
    assert run("--seed", "3", "--seeds", "4") == (0, "4 seeds, 0 broke a promise\n")


def test_a_broken_promise_exits_1_with_its_seed_and_the_shortest_schedule() -> None:
    code, output = run("--seed", "0", "--seeds", "8", "--without", "commit_before_sending")
    assert code == 1
    assert "netra simulate --seed" in output
    assert "Ask(at=" in output
    assert "8 seeds, " in output


def test_programs_get_one_object() -> None:
    code, output = run("--seed", "0", "--seeds", "3", "--json")
    assert (code, json.loads(output)) == (0, {"seeds": 3, "failed": 0, "broken": {}})


@pytest.mark.parametrize("words", [["--seed", "0", "--seeds", "0"], ["--seed", "0", "--without", "luck"], []])
def test_what_makes_no_sense_is_refused(words: list[str]) -> None:
    code, output = run(*words)
    assert code == 2
    assert "Error" in output


def test_the_command_line_of_the_product_has_it() -> None:
    done = CliRunner().invoke(command_line(["simulate"]), ["simulate", "--help"])
    assert done.exit_code == 0
    assert "--without" in done.output
