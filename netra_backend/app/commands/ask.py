"""``netra ask``."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import httpx
import msgspec
import typer

from ...client.bearer_get import bearer_get
from ...client.client import NetraClient
from ...client.errors import Closed, Refused
from ..core.events import TERMINAL
from .answering import Terminal, lines
from .ask_screen import AskScreen
from .common import (
    LOCAL_USER,
    CommandFailed,
    DataDir,
    Json,
    UsageError,
    User,
    load_settings,
    local_token,
    no_such,
    server_url,
    start_hint,
    told,
)
from .server_access import require_server
from .starting import once_started


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
    agent: Annotated[
        str | None, typer.Option(help="The agent to ask.", show_default="the one that the server asks by default")
    ] = None,
    thread: Annotated[
        str | None,
        typer.Option(
            help="The thread to continue; if there is none of this id, it is begun.", show_default="a new one"
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Show the thread (by default the newest) and follow its runs until they end."),
    ] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Ask an agent and print each event as it arrives, and on a terminal what a model writes while it writes.

    On a terminal, what the agent asks you is asked here. Without one, the command ends once an answer is needed, and says how to
    give it; with --json it goes on following, since a program can answer. Ctrl-C ends the command, not the run.

    Exits with 0 if the run completed, with 1 if it failed, was cancelled, or could not be started, and with 3 if it waits for an
    answer and there is no terminal to ask at.

    \b
    Examples:
      netra ask "Where does my money go?"
      netra ask "And last week?" --thread thr_…
      netra ask --resume
    """
    if text is None and not resume:
        raise UsageError('Ask a question, for example: netra ask "Where does my money go?"')
    settings = load_settings(data_dir)
    who = token or local_token(settings, user)
    hint = start_hint(data_dir) if url is None else "Check the address, or start a server there with: netra serve"
    screen = AskScreen(as_json, *_next_commands(url, token, user, data_dir))
    try:
        asyncio.run(_ask(partial(server_url, settings, url), who, text, agent, thread, resume, screen, hint))
    except KeyboardInterrupt:
        screen.interrupted()
        raise
    except Refused as refused:
        if as_json or refused.frame.error != "isolation_violation":
            raise
        raise CommandFailed(refused.frame.error, "This thread belongs to another user.", refused.hint) from None
    finally:
        screen.clear()
    raise typer.Exit(screen.ended())


def _next_commands(url: str | None, token: str | None, user: str, data_dir: Path | None) -> tuple[str, str]:
    """The commands that follow a thread of the same user at the same server, and cancel a run; an id is to be appended. The
    second is empty if no command can."""
    options = {"--user": None if user == LOCAL_USER else user, "--data-dir": data_dir}
    own = "".join(f" {name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None)
    if url is None and token is None:
        return f"netra ask --resume{own} --thread", f"netra runs cancel{own}"
    there = "" if url is None else f" --url {shlex.quote(url)}"
    return f"netra ask --resume{there}{' --token …' if token else ''}{own} --thread", ""


async def _ask(
    find: Callable[[], str],
    token: str,
    text: str | None,
    agent: str | None,
    thread_id: str | None,
    resume: bool,
    screen: AskScreen,
    hint: str,
) -> None:
    url = await once_started(find, partial(screen.note, "… the server is still starting; waiting for it"))
    await require_server(url, hint)
    async with NetraClient(url, token, told=screen.connection) as client, _answering(client, screen):
        if resume:
            thread_id = thread_id or await _newest_thread(url, token)
            await _replay(client, url, token, thread_id, screen)
        if text is not None and not screen.is_stuck:
            async for event in client.ask(text, agent=agent, thread_id=thread_id):
                if thread_id is not None and event.seq == 1:
                    screen.note(f"There was no thread {thread_id}; a new one of that id was begun.")
                screen.take(event)
                if screen.is_stuck:
                    break


@asynccontextmanager
async def _answering(client: NetraClient, screen: AskScreen) -> AsyncIterator[None]:
    """Has the screen ask a person at a terminal what is asked."""
    if screen.is_for_programs or not sys.stdin.isatty():
        yield
        return
    async with lines() as read:
        screen.terminal = Terminal(client, screen.tell, read)
        try:
            yield
        finally:
            await screen.terminal.close()


async def _replay(client: NetraClient, url: str, token: str, thread_id: str, screen: AskScreen) -> None:
    """Print the thread from its beginning until no run of it goes on, or goes on without an answer. Raises ``CommandFailed`` if
    the user has no such thread."""
    going: set[str] = set()
    top = await _top(url, token, thread_id)
    async for event in client.follow(thread_id, after=0):
        screen.take(event)
        if isinstance(event, TERMINAL):
            going.discard(event.run_id)
        else:
            going.add(event.run_id)
        if event.seq >= top and (not going or screen.is_stuck):
            break


class _Thread(msgspec.Struct):
    thread_id: str


class _Threads(msgspec.Struct):
    threads: list[_Thread]


class _Events(msgspec.Struct):
    top: int


def _content(url: str, answer: httpx.Response) -> bytes:
    if answer.status_code != httpx.codes.OK:
        raise Closed(1006, f"{url} answered with HTTP status {answer.status_code}.")
    return answer.content


async def _newest_thread(url: str, token: str) -> str:
    found = msgspec.json.decode(_content(url, await bearer_get(url, "/api/threads", token)), type=_Threads).threads
    if not found:
        raise Closed(1000, "You have no threads yet.", 'Start one with: netra ask "Where does my money go?"')
    return found[0].thread_id


async def _top(url: str, token: str, thread_id: str) -> int:
    answer = await bearer_get(url, f"/api/threads/{quote(thread_id, safe='')}/events", token)
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise no_such("thread")
    return msgspec.json.decode(_content(url, answer), type=_Events).top
