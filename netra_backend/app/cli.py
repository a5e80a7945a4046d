"""``netra``: the command line. Each command is a module of ``commands``; the kit and others add theirs by entry point."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

import typer

from .commands.ask import ask
from .commands.check import check
from .commands.demo import demo
from .commands.drill import drill
from .commands.importing import import_
from .commands.revoking import revoke
from .commands.serve import serve, token

GROUP: Final = "netra.commands"
"""Entry points of this group are callables that take the ``typer.Typer`` and add their commands to it."""

app = typer.Typer(
    name="netra",
    help="A multi-user AI-agent chat server whose isolation can be proved.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)
for command in (demo, serve, ask, token, check, drill, revoke):
    app.command()(command)
app.command("import")(import_)


def main() -> None:
    """Run the command line."""
    for point in entry_points(group=GROUP):
        point.load()(app)
    app()
