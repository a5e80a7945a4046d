"""``netra import``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..adapters.process.data_directory import make_data_directory
from ..config import Settings
from ..core.errors import ToolError
from ..usage.importers.format import column_mapping
from .common import (
    LOCAL_USER,
    DataDir,
    Json,
    UsageError,
    User,
    counted,
    err,
    failure_of,
    load_settings,
    local_token,
    out,
    printable,
    running_server,
    show_failure,
    told,
)
from .server_access import ServerAccess, ServerRefused

ProgressTold = Callable[[str, int, int], None]
_MOST_COLUMNS: Final = 40
_MOST_EXAMPLES: Final = 3
_VALUE_CHARACTERS: Final = 40


@told
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, JSON, JSON Lines or Parquet; also packed with gzip or zip.")],
    format: Annotated[str | None, typer.Option(help="The format, if it should not be detected.")] = None,
    model: Annotated[str | None, typer.Option(help="Price the rows as this model if the file names none.")] = None,
    start: Annotated[
        str | None, typer.Option(help="The start time of a trace that has only offsets (ISO 8601).")
    ] = None,
    map: Annotated[
        list[str] | None, typer.Option(help="For tables: usage column=column of the file; repeatable.")
    ] = None,
    user: User = LOCAL_USER,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would be imported; import nothing.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Import a usage file into a user's data.

    The file is imported completely or not at all, and the same file only once.

    \b
    Examples:
      netra import spend.csv
      netra import trace.jsonl --model gpt-4o
      netra import table.csv --map ts=created_at --preview
    """
    if not file.is_file():
        raise UsageError(f"There is no file {file}.")
    options: dict[str, Any] = {
        name: value for name, value in (("format", format), ("model", model), ("start", start)) if value is not None
    }
    if map:
        options["map"] = _mapping(map)
    if preview:
        options["preview"] = True
    options["name"] = file.name
    settings = load_settings(data_dir)
    try:
        with progress_bar(file.name, shown=not as_json) as progress:
            answer = asyncio.run(import_file(settings, user, file, options, progress))
    except (ToolError, ServerRefused) as error:
        failure = failure_of(error)
        if as_json or failure is None:
            raise
        show_failure(failure)
        _show_details(err, failure.get("details", {}))
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        show_import(out, answer)


def _mapping(pairs: list[str]) -> dict[str, str]:
    try:
        return column_mapping(pairs)
    except ToolError:
        wrong = next(pair for pair in pairs if not all(pair.partition("=")[::2]))
        raise UsageError(
            f"--map {wrong} does not name two columns. Write --map USAGE_COLUMN=COLUMN_OF_THE_FILE, "
            "for example: --map ts=created_at"
        ) from None


async def import_file(
    settings: Settings, user: str, file: Path, options: dict[str, Any], progress: ProgressTold
) -> dict[str, Any]:
    """Import through the server that uses the data directory, or straight into it if none does."""
    running = running_server(settings)
    if running is not None:
        async with ServerAccess(running, local_token(settings, user)) as server:
            return await server.upload(file, options, progress)
    from ..extensions.loading import installed_importers
    from ..usage_stores import open_ledger  # DuckDB takes a moment to load

    make_data_directory(settings.data_dir)
    async with open_ledger(settings, importers=installed_importers()) as ledger:
        return await ledger.import_usage(user, file, options, lambda done, total: progress("reading", done, total))


class progress_bar:  # used as a function: with progress_bar(…) as progress
    """A bar in the terminal, or nothing; gives the function that moves it."""

    def __init__(self, name: str, *, shown: bool = True) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal),
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


def show_import(console: Console, answer: Mapping[str, Any]) -> None:
    """Print the result of an import or a preview."""
    if answer.get("already_imported"):
        text = f"= {answer['name']} was already imported ({counted(answer['rows'], 'row')})."
        console.print(text, highlight=False, markup=False, soft_wrap=True)
        return
    if answer.get("preview"):
        text = f"✓ {answer['name']} would be imported as {answer['format']} ({answer['reason']}). Nothing was imported."
    else:
        text = f"✓ {answer['name']}: {counted(answer['accepted'], 'row')} imported as {answer['format']} ({answer['reason']})."
    console.print(printable(text), highlight=False, markup=False, soft_wrap=True)
    for note in answer.get("notes", ()):
        console.print(printable(f"  {note}"), style="dim", highlight=False, markup=False, soft_wrap=True)
    _show_details(console, answer)


def _show_details(console: Console, details: Mapping[str, Any]) -> None:
    """Print what the columns of a file were taken for, and which rows were rejected and why."""
    mapping: Mapping[str, str] = details.get("mapping") or {}
    columns = details.get("columns") or list(mapping.values())
    if mapping or ("columns" in details and columns):
        used = {str(column): target for target, column in mapping.items()}
        table = _table("Columns", "column of the file", "used as")
        for column in columns[:_MOST_COLUMNS]:
            table.add_row(escape(_shown(column)), used.get(str(column), "[dim]not used[/]"))
        if len(columns) > _MOST_COLUMNS:
            table.add_row(f"[dim]… and {len(columns) - _MOST_COLUMNS:,} more[/]", "")
        console.print(table)
    if details.get("rejected"):
        rejected = _table(f"Rejected rows: {details['rejected']:,}", "rows", "reason", "examples")
        for each in details.get("rejections", ()):
            rejected.add_row(f"{each['count']:,}", escape(each["reason"]), escape(_examples(each["examples"])))
        console.print(rejected)


def _table(title: str, *headers: str) -> Table:
    return Table(*headers, title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)


def _examples(examples: list[Mapping[str, Any]]) -> str:
    """Where the first of these rows are, and what they hold."""
    shown = [
        f"row {each['record']:,}" + (f": {_shown(each['value'])}" if each["value"] is not None else "")
        for each in examples[:_MOST_EXAMPLES]
    ]
    return "\n".join(shown)


def _shown(value: object) -> str:
    text = printable(str(value)).replace("\n", " ")
    return text if len(text) <= _VALUE_CHARACTERS else text[: _VALUE_CHARACTERS - 1] + "…"
