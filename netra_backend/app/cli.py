"""``netra``: the command line. Each command is a module of ``commands``; the kit and others add theirs by entry point."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Final

import typer

from ..distribution import version

COMMANDS: Final = {
    "demo": "demo:demo",
    "serve": "serve:serve",
    "ask": "ask:ask",
    "token": "serve:token",
    "import": "importing:import_",
    "report": "reporting:report",
    "datasets": "datasets:datasets",
    "runs": "runs:runs",
    "triage-eval": "triage_evaluation:triage_eval",
    "check": "check:check",
    "drill": "drill:drill",
    "revoke": "revoking:revoke",
    "key": "keys:key",
    "budget": "budgets:budget",
    "audit": "auditing:audit",
    "migrate": "migrating:migrate",
    "db": "database:db",
}
"""Each command's module below ``commands``, and its function or group there; only what is run is loaded."""


VERSION: Final = "--version"

DEPRECATED: Final = {"restored": "database:restored"}
"""Names of an earlier release, which warn and work for one release more; no help lists them."""

GROUP: Final = "netra.commands"
"""Entry points of this group are callables that take the ``typer.Typer`` and add their commands to it."""


def command_line(words: Sequence[str]) -> typer.Typer:
    """The command line for these words: with the command of ours that they name, with none if they ask for the version, or
    with everything there is."""
    app = typer.Typer(
        name="netra",
        help="A multi-user AI-agent chat server whose isolation can be proved.",
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
        rich_markup_mode="rich",
    )
    app.callback()(_options)
    if words[:1] == [VERSION]:
        return app
    known = COMMANDS | DEPRECATED
    named = words[0] if words and words[0] in known else None
    for name in [named] if named else COMMANDS:
        module, _, attribute = known[name].partition(":")
        command = getattr(import_module(f".commands.{module}", __package__), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    if named is None:
        from importlib.metadata import entry_points  # reads every installed distribution

        for point in entry_points(group=GROUP):
            point.load()(app)
    return app


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"netra {version()}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option(VERSION, callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A single command would be taken for the whole command line, were there nothing before it."""


def main() -> None:
    """Run the command line."""
    command_line(sys.argv[1:])()
