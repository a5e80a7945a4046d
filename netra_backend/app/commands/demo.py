"""``netra demo``: the main job, from end to end, shown step by step."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ...client.client import NetraClient
from ...client.errors import Closed
from ..config import Settings
from ..core.events import AgentCompleted
from ..services.token_minting import sign_in_link
from .common import DataDir, load_settings, local_token, out, running_server, told
from .event_view import EventView
from .importing import import_file, progress_bar, show_import
from .sample_data import write_sample

QUESTION: Final = "Where does my money go, and where can I cut?"
USER: Final = "demo"
_MOONCAKE: Final = "mooncake/synthetic_trace.jsonl"
_TRACELAB: Final = "tracelab/example_sessions_sanitized_round_trace.jsonl"
_GENERATED: Final = "GENERATED SAMPLE: these figures are made up, because there is no real trace at "


@told
def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit after printing the report.")] = False,
    model: Annotated[str, typer.Option(help="Price the trace without model names as this model.")] = "gpt-4o",
    data: Annotated[
        Path | None, typer.Option(help="A folder with real traces.", show_default="../shared/data, next to this folder")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Start a server, import a real trace, ask, print the report.

    The server keeps running until Ctrl-C, or ends at once with --once.

    \b
    Examples:
      netra demo
      netra demo --once --model claude-sonnet-4-5
    """
    settings = load_settings(data_dir)
    completed = asyncio.run(_demo(settings, data or Path.cwd().parent / "shared" / "data", model, once))
    raise typer.Exit(0 if completed else 1)


async def _demo(settings: Settings, traces: Path, model: str, once: bool) -> bool:
    out.rule("[bold]Netra[/]")
    async with _server(settings, any_port=once) as url:
        token = local_token(settings, USER)
        out.print(f"Server   {url}", highlight=False)
        out.print(f"User     {USER}, with a token signed by this machine's development key", highlight=False)
        generated = await _import(settings, traces, model)
        completed = await _ask(url, token, generated)
        _farewell(settings, url, token, generated)
        if not once:
            await _until_interrupted()
    return completed


# --- the server ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _server(settings: Settings, *, any_port: bool) -> AsyncIterator[str]:
    """A server on the data directory: the one that runs there already, or one of our own in a process beside us."""
    running = running_server(settings)
    if running is not None:
        yield running
        return
    port = 0 if any_port or not _is_free(settings.port) else settings.port
    command = [sys.executable, "-m", "netra_backend", "serve", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--data-dir", str(settings.data_dir)]
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
        try:
            assert process.stdout is not None
            line = await process.stdout.readline()
            if not line:
                await process.wait()
                log.seek(0)
                raise Closed(1006, "The server did not start.", log.read().decode(errors="replace")[-2000:])
            yield str(json.loads(line)["url"])
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await process.wait()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# --- the data --------------------------------------------------------------------------------------------------------


async def _import(settings: Settings, traces: Path, model: str) -> bool:
    """Import the real traces, or the generated sample where there are none; whether it is generated."""
    out.rule("[bold]Data[/]", align="left")
    if not (traces / _MOONCAKE).is_file():
        with tempfile.TemporaryDirectory() as scratch:
            sample = Path(scratch) / "generated-sample.jsonl"
            write_sample(sample)
            out.print(f"[bold yellow]{_GENERATED}{traces}[/]")
            await _import_one(settings, sample, {"generated": True})
        return True
    await _import_one(settings, traces / _MOONCAKE, {"model": model})
    await _import_one(settings, traces / _TRACELAB, {})
    return False


async def _import_one(settings: Settings, path: Path, options: dict[str, Any]) -> None:
    with progress_bar(path.name) as progress:
        answer = await import_file(settings, USER, path, {"name": path.name, **options}, progress)
    show_import(out, answer)


# --- the question ----------------------------------------------------------------------------------------------------


async def _ask(url: str, token: str, generated: bool) -> bool:
    out.rule("[bold]Question[/]", align="left")
    if generated:
        out.print("[bold yellow]generated sample data[/]")
    completed = False
    view = EventView(out)
    async with NetraClient(url, token) as client:
        async for event in client.ask(QUESTION):
            view.show(event)
            completed = isinstance(event, AgentCompleted)
    return completed


def _farewell(settings: Settings, url: str, token: str, generated: bool) -> None:
    flag = "" if settings.data_dir == load_settings().data_dir else f" --data-dir {settings.data_dir}"
    netra = _command()
    lines = [
        ("Server", f"{url}   (WebSocket: {url.replace('http', 'ws', 1)}/ws/{USER})"),
        ("Ask again", f'{netra} ask "What if all of it went to gpt-4o-mini?" --user {USER}{flag}'),
        ("Your own data", f'{netra} import spend.csv{flag} && {netra} ask "{QUESTION}"{flag}'),
        ("In a browser", sign_in_link(url, token)),
    ]
    out.rule("[bold]Next steps[/]", align="left")
    if generated:
        out.print("[bold yellow]All figures above come from the generated sample, not from a real trace.[/]")
    for name, text in lines:
        out.print(f"[cyan]{name:<14}[/]", end="")
        out.print(text, soft_wrap=True, highlight=False, markup=False)


def _command() -> str:
    """How this command is called from here."""
    return "netra" if shutil.which("netra") else os.path.relpath(sys.argv[0])


async def _until_interrupted() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    out.print("Press Ctrl-C to stop the server.", style="dim")
    await stop.wait()
