"""``netra report``."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..adapters.process.data_directory import make_data_directory
from ..config import Settings
from ..usage.report import Report, make_report
from .common import LOCAL_USER, DataDir, Json, User, err, load_settings, local_token, out, running_server, told
from .server_access import ServerAccess


@told
def report(
    user: User = LOCAL_USER,
    as_json: Json = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the report to this HTML file instead.", dir_okay=False)
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Show the cost report for a user's usage data.

    It is printed as Markdown, as JSON, or written to one HTML file with charts.

    \b
    Examples:
      netra report
      netra report --json > report.json
      netra report --html report.html
    """
    from rich.markdown import Markdown

    from ..usage.report_html import report_html
    from ..usage.report_markdown import report_markdown

    settings = load_settings(data_dir)
    with err.status("Computing the report …"):
        whole = asyncio.run(read_report(settings, user))
    if html is not None:
        html.write_text(report_html(whole), encoding="utf-8")
        err.print(f"✓ {html}", highlight=False, markup=False)
    elif as_json:
        typer.echo(json.dumps(whole))
    else:
        out.print(Markdown(report_markdown(whole)))


async def read_report(settings: Settings, user: str) -> Report:
    """From the server that uses the data directory, or straight from the ledger if none does."""
    running = running_server(settings)
    if running is not None:
        async with ServerAccess(running, local_token(settings, user)) as server:
            answer: Report = await server.get("/api/usage/report")
            return answer
    from ..usage_stores import open_ledger  # DuckDB takes a moment to load

    make_data_directory(settings.data_dir)
    async with open_ledger(settings) as ledger:
        return await make_report(partial(ledger.ask, user), {})
