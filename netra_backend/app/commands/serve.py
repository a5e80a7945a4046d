"""``netra serve`` and ``netra token``."""

from __future__ import annotations

from typing import Annotated

import typer

from ..config import Settings
from ..services.token_minting import sign_in_link
from .common import App, DataDir, load_settings, local_token, server_url, told


@told
def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to listen on (NETRA_HOST).", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 picks a free one (NETRA_PORT).", show_default="8000")
    ] = None,
    data_dir: DataDir = None,
    workers: Annotated[
        int, typer.Option(min=1, help="The number of processes; more than one needs NETRA_DATABASE_URL.")
    ] = 1,
    app: App = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="For development: start anew when a file beside the app changes.")
    ] = False,
) -> None:
    """Run the server until SIGTERM or Ctrl-C.

    One JSON line on stdout says when it is ready, and where; logs go to stderr.

    \b
    Example:
      netra serve --port 8000 --data-dir ./data   netra serve --app my_agents --reload
    """
    settings = load_settings(data_dir, host=host, port=port, workers=workers, app=app)
    if reload and settings.app is None:
        raise typer.BadParameter(
            "it watches the files of an app: name one by --app or NETRA_APP.", param_hint="--reload"
        )
    if reload and settings.workers > 1:
        raise typer.BadParameter("it serves with one process: leave --workers out.", param_hint="--reload")
    from ..adapters.process.sandbox import keep_memory_private

    keep_memory_private()
    if settings.workers == 1 and not reload:  # otherwise each process has children of its own
        _begin_child(settings)

    # Loaded here: its parts take half a second, and other commands do not need them.
    from ..adapters.process.json_logs import configure_logging
    from ..serving import serve as serve_settings

    configure_logging(settings.log_level, characters=settings.limits.log_characters)
    serve_settings(settings, reload=reload)


def _begin_child(settings: Settings) -> None:
    """Have the child that answers the first questions load its libraries while this process loads its own."""
    from ..adapters.ledger.query_workers import MODULE, warming
    from ..adapters.process.prestarted import begin
    from ..usage.questions import allowed

    questions = allowed(raw_sql=settings.allow_raw_sql)
    begin(MODULE, warming(questions, list(questions)))


@told
def token(
    user_id: Annotated[str, typer.Argument(help="The user that the token is for.")],
    scope: Annotated[list[str] | None, typer.Option(help="A scope, such as admin; repeatable.")] = None,
    ttl: Annotated[int | None, typer.Option(help="The lifetime in seconds: 12 hours if not given, 24 at most.")] = None,
    link: Annotated[bool, typer.Option("--link", help="Print a sign-in link instead.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print a token for a user, or a sign-in link for the web page.

    Signed with the development key of the data directory; the token or link is all that stdout gets.

    \b
    Examples:
      netra token alice --link
      netra token alice --scope admin --ttl 3600
    """
    settings = load_settings(data_dir)
    made = local_token(settings, user_id, scope or (), ttl)
    typer.echo(sign_in_link(server_url(settings, settings.public_url), made) if link else made)
