"""``netra report``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ..adapters.process.data_directory import holder_of, make_data_directory
from ..config import Settings
from ..core.errors import ToolFault
from .common import LOCAL_USER, DataDir, Json, User, err, load_settings, local_token, out, told

QUESTION: Final = "Where does my money go, and where can I cut?"
_PARTS: Final = (("summary", "cost_summary"), ("savings", "combine_savings"))
_FURTHER: Final = (("anomalies", "detect_anomalies"), ("forecast", "forecast_spend"))


@told
def report(
    user: User = LOCAL_USER,
    as_json: Json = False,
    html: Annotated[
        Path | None, typer.Option(help="Write one self-contained HTML file instead.", dir_okay=False)
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """The cost report of a user's data: Markdown in the terminal, or JSON, or one HTML file with its pictures.

    Examples: netra report   netra report --json > report.json   netra report --html report.html
    """
    from rich.markdown import Markdown

    from ..usage.report import report_markdown
    from ..usage.report_html import report_html

    settings = load_settings(data_dir)
    with err.status("Reading the bill …"):
        whole = asyncio.run(_report(settings, user))
    if html is not None:
        html.write_text(report_html(whole), encoding="utf-8")
        err.print(f"✓ {html}", highlight=False, markup=False)
    elif as_json:
        typer.echo(json.dumps(whole))
    else:
        out.print(Markdown(report_markdown(whole)))


async def _report(settings: Settings, user: str) -> dict[str, Any]:
    """Through the server that holds the data directory, or straight from the ledger where none does."""
    holder = holder_of(settings.data_dir)
    if holder is not None and holder.url:
        return await _asked(holder.url, local_token(settings, user))
    from ..usage.report import build_report
    from ..wiring import open_ledger

    make_data_directory(settings.data_dir)
    async with open_ledger(settings) as ledger:
        profile = await ledger.ask(user, "data_profile", {})
        parts = {name: await ledger.ask(user, question, {}) for name, question in _PARTS}
        notes = []
        for name, question in _FURTHER:
            try:
                parts[name] = await ledger.ask(user, question, {})
            except ToolFault as fault:
                notes.append(fault.message)
    return build_report(profile=profile, notes=notes, **parts)


async def _asked(url: str, token: str) -> dict[str, Any]:
    from ...client.client import NetraClient
    from ..core.events import AgentCompleted

    async with NetraClient(url, token) as client:
        async for event in client.ask(QUESTION, agent="cost_optimizer"):
            if isinstance(event, AgentCompleted):
                data = event.result["data"]
                if "report" in data:
                    whole: dict[str, Any] = data["report"]
                    return whole
                raise ToolFault(
                    data.get("code", "NO_DATA"), str(event.result["text"]), hint="Import usage: netra import FILE"
                )
    raise ToolFault("TOOL_FAILED", "The run ended without a report.", hint="Ask again: netra report")
