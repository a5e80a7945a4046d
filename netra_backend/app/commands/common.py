"""What commands share: settings, the local user's token, and how a failure is shown."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, ParamSpec, TypeVar, cast

import typer

from ..adapters.auth.development_key import development_key
from ..adapters.process.clock import SystemEntropy
from ..adapters.process.data_directory import holder_of, make_data_directory
from ..config import DEVELOPMENT, Settings
from ..core.error_catalogue import CATALOGUE
from ..core.errors import ConfigurationError, ExtensionError, NetraError, ToolError
from ..core.settings_values import origin_of
from ..services.token_minting import DEFAULT_LIFETIME_S, mint_token

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
R = TypeVar("R")

LOCAL_USER: Final = "me"
"""Who a command speaks for where neither a token nor a user was given: the person at this machine."""

EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2

DataDir = Annotated[
    Path | None, typer.Option(help="The directory that holds all data (NETRA_DATA_DIR).", show_default=False)
]
App = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE[:NAME]",
        help="Agents and tools of yours, added to Netra's (NETRA_APP); the current directory is looked in.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, one value per line.")]
User = Annotated[str, typer.Option(help="Whose data to use; needs the development key of the data directory.")]


class UsageError(Exception):
    """The command was called wrongly; the message says how, and what to write instead."""


class CommandFailed(Exception):
    """What a command was asked for cannot be done: an id for programs, what happened, and what to do next."""

    def __init__(self, error: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.error = error
        self.hint = hint


class StillStarting(CommandFailed):
    """The server that uses the data directory does not listen yet."""

    def __init__(self) -> None:
        super().__init__("connection_failed", "The server is still starting.", "Try again in a moment.")


def no_such(what: str) -> CommandFailed:
    """The answer to an id that does not exist, or belongs to another user."""
    return CommandFailed("not_found", f"There is no such {what}.", CATALOGUE["not_found"].hint)


def command_group(about: str) -> typer.Typer:
    """Commands below one word, such as ``netra runs``."""
    return typer.Typer(help=about, no_args_is_help=True, rich_markup_mode="rich")


class _MadeWhenUsed:
    """A console that is made when something of it is first used: a command that prints one word loads no rich."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._console: Console | None = None

    def __getattr__(self, name: str) -> Any:
        if self._console is None:
            from rich.console import Console

            self._console = Console(**self._options)
        return getattr(self._console, name)


out: Final = cast("Console", _MadeWhenUsed())
err: Final = cast("Console", _MadeWhenUsed(stderr=True))


def load_settings(data_dir: Path | None = None, **overrides: Any) -> Settings:
    """The settings of this environment. Raises ``ConfigurationError``."""
    return Settings.load(os.environ, data_dir=data_dir, **overrides)


def local_token(settings: Settings, user_id: str, scopes: Iterable[str] = (), lifetime_s: int | None = None) -> str:
    """A token of this data directory's development key; by default it lives for 12 hours, or as long as the settings allow.
    Raises ``NetraError``."""
    make_data_directory(settings.data_dir)
    entropy = SystemEntropy()
    return mint_token(
        user_id,
        key=development_key(settings.data_dir, entropy),
        issuer=DEVELOPMENT.issuer,
        now_ms=time.time_ns() // 1_000_000,
        token_id=entropy.take(8).hex(),
        scopes=scopes,
        lifetime_s=min(DEFAULT_LIFETIME_S, settings.jwt_max_lifetime_s) if lifetime_s is None else lifetime_s,
        max_lifetime_s=settings.jwt_max_lifetime_s,
    )


def running_server(settings: Settings) -> str | None:
    """Where the server listens that uses the data directory; ``None`` if there is none. Raises ``StillStarting``."""
    holder = holder_of(settings.data_dir)
    if holder is None:
        return None
    if not holder.url:
        raise StillStarting
    return holder.url


def server_url(settings: Settings, url: str | None) -> str:
    """The address given, or that of the server that uses the data directory, or where one would listen.
    Raises ``StillStarting``."""
    if url is not None:
        return web_address(url)
    return running_server(settings) or f"http://{settings.host}:{settings.port}"


def web_address(url: str) -> str:
    """The address of a server as the caller gave it, without a slash at the end; any other exits with 2."""
    if origin_of(url) is None:
        raise UsageError(f"{url} is not the address of a server. Use one such as http://127.0.0.1:8000.")
    return url.rstrip("/")


def start_hint(data_dir: Path | None) -> str:
    """How to start the server that a command has not found."""
    flag = "" if data_dir is None else f" --data-dir {shlex.quote(str(data_dir))}"
    return f"Start one with: netra serve{flag}\n  Or try Netra out with: netra demo{flag}"


def told(command: Callable[P, R]) -> Callable[P, R]:
    """Show a typed error as what happened and what to do, and exit with 1, or 2 if the call was wrong or what ``--app`` or an
    installed package adds cannot be served; Ctrl-C exits with 130.

    With ``--json`` the failure is on stdout as well, as one JSON object.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
            if kwargs.get("as_json"):
                typer.echo(json.dumps(failure))
            show_failure(failure)
            is_usage = isinstance(error, UsageError | ExtensionError)
            raise typer.Exit(EXIT_USAGE if is_usage else EXIT_REFUSED) from None

    return run


def failure_of(error: Exception) -> dict[str, Any] | None:
    """A typed error as plain JSON, in the form of the protocol's error frame; ``None`` for any other exception.

    ``details`` are those of a tool's typed answer, ``faults`` all that is wrong with a configuration.
    """
    if isinstance(error, UsageError):
        return _failure("usage", str(error), "")
    if isinstance(error, CommandFailed):
        return _failure(error.error, str(error), error.hint)
    if isinstance(error, ExtensionError):
        return _failure("usage", str(error), "", faults=error.faults)
    if isinstance(error, ConfigurationError):
        return _failure("configuration_invalid", error.message, "", faults=error.faults)
    if isinstance(error, NetraError):
        more = {"code": error.code, "details": error.details} if isinstance(error, ToolError) else {}
        return _failure(error.entry.id, error.message, error.hint, field=error.field, **more)
    from ...client.errors import Closed, Refused  # bring the frames, which most commands do not need
    from .server_access import ServerRefused

    if isinstance(error, Closed):
        return _failure("connection_failed", error.message, error.hint)
    if isinstance(error, Refused):
        return _failure(error.frame.error, error.message, error.hint, field=error.frame.field)
    if isinstance(error, ServerRefused):
        problem = error.problem
        what, why, next_step = (str(problem.get(name, "")) for name in ("error", "detail", "hint"))
        return _failure(what, why, next_step, **{name: problem.get(name) for name in ("field", "code", "details")})
    return None


def _failure(error: str, message: str, hint: str, **more: Any) -> dict[str, Any]:
    given = {name: value for name, value in more.items() if value}
    return {"type": "error", "error": error, "message": message, "hint": hint, **given}


def show_failure(failure: Mapping[str, Any]) -> None:
    """Print a failure on stderr: what happened, and what to do next."""
    faults = failure.get("faults", [failure["message"]])
    if len(faults) == 1 or failure["error"] == "usage":
        for fault in faults:
            _say(f"✗ {fault}", "bold red")
    else:
        _say(f"✗ The configuration has {len(faults)} problems:", "bold red")
        for fault in faults:
            _say(f"  • {fault}")
    if failure["hint"]:
        _say(f"  {failure['hint']}")


def counted(number: int, what: str) -> str:
    """``1 row``, ``4,012 rows``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def printable(text: str) -> str:
    """The text without what a terminal would obey: names and values of files come from anybody."""
    return "".join(each if each.isprintable() or each == "\n" else "�" for each in text)


def _say(text: str, style: str | None = None) -> None:
    err.print(printable(text), style=style, markup=False, highlight=False, soft_wrap=True)
