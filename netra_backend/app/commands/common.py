"""What commands share: settings, the local user's token, and how an error is shown."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, ParamSpec, TypeVar, cast

import typer

from ..adapters.auth.development_key import development_key
from ..adapters.process.clock import SystemEntropy
from ..adapters.process.data_directory import holder_of, make_data_directory
from ..config import DEVELOPMENT, Settings
from ..core.errors import ConfigurationError, ExtensionError, NetraError
from ..services.token_minting import DEFAULT_LIFETIME_S, mint_token

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
R = TypeVar("R")

LOCAL_USER: Final = "me"
"""Who a command speaks for where neither a token nor a user was given: the person at this machine."""

EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2

DataDir = Annotated[Path | None, typer.Option(help="Where everything is kept (NETRA_DATA_DIR).", show_default=False)]
App = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE[:NAME]",
        help="Agents and tools of yours, added to Netra's (NETRA_APP); the current directory is looked in.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable: one JSON value a line on stdout.")]
User = Annotated[str, typer.Option(help="Whose data; needs the development key of the data directory.")]


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


def local_token(
    settings: Settings, user_id: str, scopes: Iterable[str] = (), lifetime_s: int = DEFAULT_LIFETIME_S
) -> str:
    """A token of this data directory's development key. Raises ``NetraError``."""
    make_data_directory(settings.data_dir)
    entropy = SystemEntropy()
    return mint_token(
        user_id,
        key=development_key(settings.data_dir, entropy),
        issuer=DEVELOPMENT.issuer,
        now_ms=time.time_ns() // 1_000_000,
        token_id=entropy.take(8).hex(),
        scopes=scopes,
        lifetime_s=lifetime_s,
    )


def server_url(settings: Settings, url: str | None) -> str:
    """The address given, or that of the server that uses the data directory, or where one would listen."""
    if url is not None:
        return url.rstrip("/")
    holder = holder_of(settings.data_dir)
    if holder is not None and holder.url:
        return holder.url
    return f"http://{settings.host}:{settings.port}"


def told(command: Callable[P, R]) -> Callable[P, R]:
    """Show every typed error as what happened and what to do, and exit with 1; with 2 where what ``--app`` or an installed
    package adds cannot be served; Ctrl-C exits with 130."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ConfigurationError as error:
            err.print("[bold red]The configuration does not hold:[/]")
            for fault in error.faults:
                err.print(f"  • {fault}", markup=False, highlight=False, soft_wrap=True)
        except ExtensionError as error:
            for fault in error.faults:
                err.print(f"✗ {fault}", style="bold red", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(EXIT_USAGE) from None
        except NetraError as error:
            err.print(f"✗ {error.message}", style="bold red", markup=False, highlight=False, soft_wrap=True)
            err.print(f"  {error.hint}", markup=False, highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception as error:
            if not _is_of_client(error):
                raise
            err.print(f"✗ {error}", style="bold red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(EXIT_REFUSED)

    return run


def _is_of_client(error: Exception) -> bool:
    from ...client.errors import ClientError  # brings the frames, which most commands do not need

    return isinstance(error, ClientError)
