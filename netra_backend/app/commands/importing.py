"""``netra import``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..adapters.process.data_directory import holder_of, make_data_directory
from ..config import Settings
from .common import LOCAL_USER, DataDir, Json, User, err, load_settings, local_token, out, told
from .server_access import ServerAccess

ProgressTold = Callable[[str, int, int], None]


@told
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, JSON, JSONL or Parquet; gzip and zip too.")],
    format: Annotated[str | None, typer.Option(help="The format, where it is not to be recognised.")] = None,
    model: Annotated[str | None, typer.Option(help="Price the rows as this model where the file names none.")] = None,
    start: Annotated[str | None, typer.Option(help="When a trace of offsets began (ISO 8601).")] = None,
    map: Annotated[list[str] | None, typer.Option(help="column=header for tables; may be given again.")] = None,
    user: User = LOCAL_USER,
    preview: Annotated[bool, typer.Option("--preview", help="Recognise and show; import nothing.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Import usage into a user's data: the whole file or nothing of it, and the same file once.

    Examples: netra import spend.csv   netra import trace.jsonl --model gpt-4o   netra import t.csv --map ts=when --preview
    """
    if not file.is_file():
        err.print(f"✗ There is no file {file}.", style="bold red", markup=False)
        raise typer.Exit(2)
    options: dict[str, Any] = {
        name: value for name, value in (("format", format), ("model", model), ("start", start)) if value is not None
    }
    if map:
        options["map"] = dict(pair.split("=", 1) for pair in map if "=" in pair)
    if preview:
        options["preview"] = True
    options["name"] = file.name
    settings = load_settings(data_dir)
    with progress_bar(file.name, shown=not as_json) as progress:
        answer = asyncio.run(import_file(settings, user, file, options, progress))
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        show_import(out, answer)


async def import_file(
    settings: Settings, user: str, file: Path, options: dict[str, Any], progress: ProgressTold
) -> dict[str, Any]:
    """Import through the server that holds the data directory, or straight into it where none does."""
    holder = holder_of(settings.data_dir)
    if holder is not None and holder.url:
        async with ServerAccess(holder.url, local_token(settings, user)) as server:
            return await server.upload(file, options, progress)
    from ..extensions.loading import installed_importers
    from ..wiring import open_ledger  # DuckDB takes a moment to load

    make_data_directory(settings.data_dir)
    async with open_ledger(settings, importers=installed_importers()) as ledger:
        return await ledger.import_usage(user, file, options, lambda done, total: progress("reading", done, total))


class progress_bar:  # used as a function: with progress_bar(…) as progress
    """A bar in the terminal, or nothing; gives the function that moves it."""

    def __init__(self, name: str, *, shown: bool = True) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not shown,
        )
        self._name = name

    def __enter__(self) -> ProgressTold:
        self._bar.start()
        task = self._bar.add_task(self._name, total=None)

        def move(stage: str, done: int, total: int) -> None:
            self._bar.update(task, description=f"{stage} {self._name}", completed=done, total=total)

        return move

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def show_import(console: Console, answer: dict[str, Any]) -> None:
    """Print what an import came to."""
    if answer.get("already_imported"):
        console.print(
            f"= {answer['name']} is imported already ({answer['rows']:,} rows).", highlight=False, markup=False
        )
        return
    if answer.get("preview"):
        said = f"? This is read as {answer['format']} ({answer['reason']}); nothing was imported."
    else:
        said = f"✓ {answer['name']}: {answer['accepted']:,} rows imported as {answer['format']} ({answer['reason']})."
    console.print(said, highlight=False, markup=False)
    for note in answer.get("notes", ()):
        console.print(f"  {note}", style="dim", highlight=False, markup=False)
    if answer.get("mapping"):
        table = Table("usage column", "column of the file", title="mapping", title_justify="left")
        for column, header in answer["mapping"].items():
            table.add_row(column, str(header))
        console.print(table)
    if answer.get("rejected"):
        table = Table(
            "rows", "reason", "examples", title=f"{answer['rejected']:,} rows were refused", title_justify="left"
        )
        for each in answer.get("rejections", ()):
            table.add_row(f"{each.get('count', 0):,}", str(each.get("reason", "")), str(each.get("examples", ""))[:200])
        console.print(table)
