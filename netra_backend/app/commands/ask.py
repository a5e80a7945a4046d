"""``netra ask``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

import httpx
import msgspec
import typer

from ...client.bearer_get import bearer_get
from ...client.client import NetraClient
from ...client.errors import Closed
from ..core.events import TERMINAL, AnyEvent, encode_event
from .answering import Terminal, lines
from .common import (
    LOCAL_USER,
    DataDir,
    Json,
    UsageError,
    User,
    err,
    load_settings,
    local_token,
    out,
    server_url,
    start_hint,
    told,
)
from .event_view import show
from .server_access import require_server

_EXIT_OF_FAILED_RUN = 1


@told
def ask(
    text: Annotated[str | None, typer.Argument(help="Your question; optional with --resume.")] = None,
    url: Annotated[
        str | None, typer.Option(help="The server to ask.", show_default="the server of the data directory")
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="The token to sign in with.", show_default="signed with the development key")
    ] = None,
    user: User = LOCAL_USER,
    agent: Annotated[str, typer.Option(help="The agent to ask.")] = "cost_optimizer",
    thread: Annotated[str | None, typer.Option(help="The thread to continue.", show_default="a new one")] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Show the thread (by default the newest) and follow its runs until they end."),
    ] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Ask an agent and print each event as it arrives.

    Exits with 0 if the run completed, and with 1 if it failed, was cancelled, or could not be started.

    \b
    Examples:
      netra ask "Where does my money go?"
      netra ask "And last week?" --thread thr_…
      netra ask --resume
    """
    if text is None and not resume:
        raise UsageError('Ask a question, for example: netra ask "Where does my money go?"')
    settings = load_settings(data_dir)
    address = server_url(settings, url)
    who = token or local_token(settings, user)
    hint = start_hint(data_dir) if url is None else "Check the address, or start a server there with: netra serve"
    completed = asyncio.run(_ask(address, who, text, agent, thread, resume, as_json, hint))
    raise typer.Exit(0 if completed else _EXIT_OF_FAILED_RUN)


async def _ask(
    url: str, token: str, text: str | None, agent: str, thread_id: str | None, resume: bool, as_json: bool, hint: str
) -> bool:
    def told_state(state: str) -> None:
        if state == "reconnecting" and not as_json:
            err.print("… connection lost; reconnecting", style="yellow")

    await require_server(url, hint)
    last: AnyEvent | None = None
    async with NetraClient(url, token, told=told_state) as client, _answering(client, as_json) as take:
        if resume:
            thread_id = thread_id or await _newest_thread(url, token)
            last = await _replay(client, url, token, thread_id, take)
        if text is not None:
            async for event in client.ask(text, agent=agent, thread_id=thread_id):
                take(event)
                last = event
    if last is not None and not as_json:
        out.print(f"thread {last.thread_id}", style="dim", highlight=False)
    return last is None or type(last).__name__ == "AgentCompleted"


@asynccontextmanager
async def _answering(client: NetraClient, as_json: bool) -> AsyncIterator[Callable[[AnyEvent], None]]:
    """What prints an event and, for a person at a terminal, asks what it asks."""
    if as_json or not sys.stdin.isatty():
        yield partial(_print, as_json=as_json)
        return

    def take(event: AnyEvent) -> None:
        _print(event, as_json=False)
        terminal.take(event)

    async with lines() as read:
        terminal = Terminal(client, lambda text: out.print(text, style="bold yellow", markup=False), read)
        try:
            yield take
        finally:
            await terminal.close()


async def _replay(
    client: NetraClient, url: str, token: str, thread_id: str, take: Callable[[AnyEvent], None]
) -> AnyEvent | None:
    """Print the thread from its beginning until no run of it goes on."""
    going: set[str] = set()
    last: AnyEvent | None = None
    top = await _top(url, token, thread_id)
    if top == 0:
        return None
    async for event in client.follow(thread_id, after=0):
        take(event)
        last = event
        if isinstance(event, TERMINAL):
            going.discard(event.run_id)
        else:
            going.add(event.run_id)
        if event.seq >= top and not going:
            break
    return last


class _Thread(msgspec.Struct):
    thread_id: str
    top: int = 0


class _Threads(msgspec.Struct):
    threads: list[_Thread]


async def _threads(url: str, token: str) -> list[_Thread]:
    answer = await bearer_get(url, "/api/threads", token)
    if answer.status_code != httpx.codes.OK:
        raise Closed(1006, f"{url} answered with HTTP status {answer.status_code}.")
    return msgspec.json.decode(answer.content, type=_Threads).threads


async def _newest_thread(url: str, token: str) -> str:
    found = await _threads(url, token)
    if not found:
        raise Closed(1000, "You have no threads yet.", 'Start one with: netra ask "Where does my money go?"')
    return found[0].thread_id


async def _top(url: str, token: str, thread_id: str) -> int:
    return next((thread.top for thread in await _threads(url, token) if thread.thread_id == thread_id), 0)


def _print(event: AnyEvent, as_json: bool) -> None:
    if as_json:
        typer.echo(encode_event(event).decode())
    else:
        show(out, event)
