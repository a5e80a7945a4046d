"""``netra runs``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from ...client.client import NetraClient
from ..config import Settings
from ..core.events import TERMINAL, AnyEvent, UserMessage, decode_event
from ..core.frames import Accepted
from ..services.run_summaries import RunSummary
from .answering import Unanswered
from .common import (
    LOCAL_USER,
    CommandFailed,
    DataDir,
    Json,
    User,
    command_group,
    load_settings,
    local_token,
    out,
    running_server,
    start_hint,
    told,
)
from .event_view import EventView
from .server_access import ServerAccess

runs = command_group("List, show, cancel or retry a user's runs.")

_DEFAULT: Final = 20
_PAGE: Final = 200
_END_S: Final = 30.0
_STYLES: Final = {"completed": "green", "failed": "bold red", "cancelled": "yellow"}
RunId = Annotated[str, typer.Argument(help="The id of the run, as netra runs list shows it.")]


class Runs(Protocol):
    """The runs of one user, wherever they are asked for."""

    async def newest(self, limit: int, thread_id: str) -> list[RunSummary]:
        """Up to ``limit`` runs, of one thread if one is named. Raises a typed error if there is none of that id."""

    async def read(self, run_id: str) -> Mapping[str, Any]:
        """One run with its events, as plain JSON. Raises a typed error if there is none of that id."""


@runs.command("list")
@told
def list_(
    thread: Annotated[str | None, typer.Option(help="List only the runs of this thread.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="The maximum number of runs.")] = _DEFAULT,
    user: User = LOCAL_USER,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List a user's runs: the most recently used thread first, and of each thread the newest run first.

    \b
    Examples:
      netra runs list
      netra runs list --thread thr_… --limit 100 --json
    """
    found = asyncio.run(_newest(load_settings(data_dir), data_dir, user, limit, thread or ""))
    if as_json:
        typer.echo(msgspec.json.encode({"runs": found}).decode())
    elif not found:
        out.print(f'{user} has no runs yet. Start one with: netra ask "…"', highlight=False, markup=False)
    else:
        _show(found)


@runs.command("show")
@told
def show(run_id: RunId, user: User = LOCAL_USER, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show a run with all its events so far.

    \b
    Example:
      netra runs show run_01a2…
    """
    run = asyncio.run(_read(load_settings(data_dir), data_dir, user, run_id))
    if as_json:
        typer.echo(json.dumps(run))
        return
    unanswered, view = Unanswered(), EventView(out)
    for each in run["events"]:
        event = decode_event(msgspec.json.encode(each))
        unanswered.take(event)
        view.show(event)
    ended = "" if run["ended"] else ", waiting for your answer" if unanswered.open else ", in progress"
    out.print(f"run {run['run_id']} of {run['agent']}{ended}", style="dim", highlight=False, markup=False)
    out.print(f"thread {run['thread_id']}", style="dim", highlight=False, markup=False)
    if unanswered.open and not run["ended"]:
        out.print(f"Answer with: netra ask --resume --thread {run['thread_id']}", highlight=False, markup=False)


@runs.command("cancel")
@told
def cancel(run_id: RunId, user: User = LOCAL_USER, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Cancel a run, and wait until it has ended. If no server is running, it ends at once, and no server goes on with it.

    Exits with 0 if the run has ended, also if it had ended before.

    \b
    Example:
      netra runs cancel run_01a2…
    """
    settings = load_settings(data_dir)
    running = running_server(settings)
    if running is not None:
        last = asyncio.run(_cancel(running, local_token(settings, user), run_id))
    else:
        last = asyncio.run(_cancel_stored(settings, data_dir, user, run_id))
    state = type(last).__name__.removeprefix("Agent").lower()
    if as_json:
        typer.echo(json.dumps({"run_id": run_id, "state": state}))
    else:
        out.print(f"✓ The run has ended: {state}.", highlight=False, markup=False)


@runs.command("retry")
@told
def retry(run_id: RunId, user: User = LOCAL_USER, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Ask again what a run was asked that has ended, such as one that was given up (agent_crashed): a new run, in the same
    thread.

    What the old run did stays done, and is not repeated for it; the new one begins at the start. Needs a running server.
    Prints the id of the new run, and does not wait for its end.

    \b
    Example:
      netra runs retry run_01a2…
    """
    settings = load_settings(data_dir)
    running = running_server(settings)
    if running is None:
        raise CommandFailed(
            "connection_failed", "No server is running, and only a server begins runs.", start_hint(data_dir)
        )
    accepted = asyncio.run(_retry(running, local_token(settings, user), run_id))
    if as_json:
        typer.echo(json.dumps({"run_id": accepted.run_id, "thread_id": accepted.thread_id, "retried": run_id}))
    else:
        out.print(f"✓ {run_id} was asked again, as {accepted.run_id}.", highlight=False, markup=False)
        out.print(
            f"See how it goes with: netra runs show {accepted.run_id}", style="dim", highlight=False, markup=False
        )


async def _retry(url: str, token: str, run_id: str) -> Accepted:
    async with ServerAccess(url, token) as server:
        run = await server.get(f"/api/runs/{run_id}")
    first = decode_event(msgspec.json.encode(run["events"][0])) if run["events"] else None
    if not run["ended"]:
        raise CommandFailed(
            "run_in_progress", "The run has not ended.", f"Stop it first, with: netra runs cancel {run_id}"
        )
    if not isinstance(first, UserMessage):
        raise CommandFailed("not_found", "The request of this run is not kept any more.", "Ask it again: netra ask")
    if any(part["type"] != "text" for part in first.parts):
        raise CommandFailed(
            "has_attachments",
            "The message has data or files, which only its user's client can send.",
            "Send it there again.",
        )
    async with NetraClient(url, token) as client:
        return await client.start(first.text, agent=first.agent, thread_id=run["thread_id"])


async def _newest(settings: Settings, data_dir: Path | None, user: str, limit: int, thread_id: str) -> list[RunSummary]:
    async with _runs_of(settings, data_dir, user) as held:
        return await held.newest(limit, thread_id)


async def _read(settings: Settings, data_dir: Path | None, user: str, run_id: str) -> Mapping[str, Any]:
    async with _runs_of(settings, data_dir, user) as held:
        return await held.read(run_id)


async def _cancel(url: str, token: str, run_id: str) -> AnyEvent:
    """Stop the run; its last event."""
    async with ServerAccess(url, token) as server:
        run = await server.get(f"/api/runs/{run_id}")
    events = [decode_event(msgspec.json.encode(event)) for event in run["events"]]
    if run["ended"]:
        return events[-1]
    async with NetraClient(url, token) as client:
        await client.cancel(run_id)
        try:
            async with asyncio.timeout(_END_S):
                async for event in client.follow(run["thread_id"], after=events[-1].seq):
                    if event.run_id == run_id and isinstance(event, TERMINAL):
                        return event
        except TimeoutError:
            pass
    raise CommandFailed(
        "too_slow",
        f"The run was asked to stop, but has not ended within {_END_S:g} seconds.",
        f"See how it stands with: netra runs show {run_id}",
    )


async def _cancel_stored(settings: Settings, data_dir: Path | None, user: str, run_id: str) -> AnyEvent:
    if settings.database_url is not None:
        raise _only_a_server(data_dir)
    from .stored_runs import stored_runs

    async with stored_runs(settings.data_dir, user) as stored:
        return await stored.cancel(run_id)


def _only_a_server(data_dir: Path | None) -> CommandFailed:
    return CommandFailed(
        "connection_failed", "No server is running, and only a server reads PostgreSQL.", start_hint(data_dir)
    )


@asynccontextmanager
async def _runs_of(settings: Settings, data_dir: Path | None, user: str) -> AsyncIterator[Runs]:
    """Through the server that uses the data directory, or straight from its event log if none does."""
    running = running_server(settings)
    if running is not None:
        async with ServerAccess(running, local_token(settings, user)) as server:
            yield _AtServer(server)
    elif settings.database_url is not None:
        raise _only_a_server(data_dir)
    else:
        from .stored_runs import stored_runs

        async with stored_runs(settings.data_dir, user) as stored:
            yield stored


class _AtServer:
    def __init__(self, server: ServerAccess) -> None:
        self._server = server

    async def newest(self, limit: int, thread_id: str) -> list[RunSummary]:
        found: list[RunSummary] = []
        page: dict[str, Any] = {"thread_id": thread_id} if thread_id else {}
        following: dict[str, Any] | None = {}
        while following is not None and len(found) < limit:
            answer = await self._server.get("/api/runs", limit=min(_PAGE, limit - len(found)), **page, **following)
            found += msgspec.convert(answer["runs"], list[RunSummary])
            following = answer["next"]
        return found

    async def read(self, run_id: str) -> Mapping[str, Any]:
        run: Mapping[str, Any] = await self._server.get(f"/api/runs/{run_id}")
        return run


def _show(found: list[RunSummary]) -> None:
    table = Table("run / thread", "agent", "state", "started / ended", box=None, padding=(0, 1, 0, 0))
    table.columns[0].no_wrap = table.columns[3].no_wrap = True
    for each in found:
        ended = _time(each.ended_ms) if each.ended_ms is not None else "–"
        table.add_row(
            f"{each.run_id}\n[dim]{each.thread_id}[/]",
            escape(each.agent),
            f"[{_STYLES.get(each.state, 'cyan')}]{each.state}[/]",
            f"{_time(each.created_ms)}\n[dim]{ended}[/]",
        )
    out.print(table)


def _time(ms: int) -> str:
    """A moment on this machine's clock."""
    return datetime.fromtimestamp(ms / 1000).strftime("%Y-%m-%d %H:%M")
