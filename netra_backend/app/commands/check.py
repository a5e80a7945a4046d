"""``netra check``: whether this machine has what a server needs, or whether a factory of yours follows the rules."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from ...distribution import NAME as DISTRIBUTION
from ..adapters.process.data_directory import holder_of, make_data_directory
from ..adapters.process.sandbox import walls
from ..config import Settings
from ..core.errors import ConfigurationError, NetraError
from ..core.plans import Plans
from ..services.plan_names import check_default_agent, check_plan_names
from .check_packages import packages_look
from .check_services import database_looks, datasets_look, redis_look
from .common import EXIT_REFUSED, EXIT_USAGE, App, DataDir, Json, err, load_settings, out, told

AUDITS: Final = "netra.audits"
"""Entry points of this group judge what ``--factory`` names; the test kit brings one."""

EXTENSIONS: Final = "extensions"
"""The part of a finding about what ``--app`` and installed packages add."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    part: str
    ok: bool
    told: str
    hint: str = ""


@told
def check(
    factory: Annotated[str | None, typer.Option(help="Check this factory (MODULE:NAME) instead of the server.")] = None,
    app: App = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Check the configuration, every dependency, and what is added to the server.

    Reports all problems at once, each with what to do. Exits with 0 if there are none, and with 2 if what ``--app`` or an
    installed package adds cannot be served.

    \b
    Examples:
      netra check
      netra check --app my_agents
    netra check --factory my.module:MyFactory
    """
    if factory is not None:
        raise typer.Exit(_audit(factory, as_json))
    findings = list(_findings(data_dir, app))
    if as_json:
        typer.echo(
            json.dumps({"ok": all(each.ok for each in findings), "findings": [asdict(each) for each in findings]})
        )
    else:
        table = Table("", "part", "result", "what to do", box=None, pad_edge=False)
        for each in findings:
            mark = "[green]✓[/]" if each.ok else "[bold red]✗[/]"
            table.add_row(mark, each.part, Text(each.told), Text(each.hint))  # as said: no markup
        out.print(table)
    if any(each.part == EXTENSIONS and not each.ok for each in findings):
        raise typer.Exit(EXIT_USAGE)
    raise typer.Exit(0 if all(each.ok for each in findings) else EXIT_REFUSED)


def _findings(data_dir: Path | None, app: str | None) -> Iterator[Finding]:
    yield _tried("packages", packages_look)
    try:
        settings = load_settings(data_dir, app=app)
    except ConfigurationError as error:
        for fault in error.faults:
            yield Finding("configuration", False, fault)
        return
    yield Finding("configuration", True, f"valid; the server listens on {settings.host}:{settings.port}")
    yield _tried("data directory", lambda: _data_directory(settings))
    if settings.database_url is None:
        yield _tried("event log", lambda: _event_log(settings))
    else:
        for part, look in database_looks(settings.database_url):
            yield _tried(part, look)
    if settings.redis_url is not None:
        yield _tried("redis", partial(redis_look, settings.redis_url))
    if settings.datasets_url is not None:
        yield _tried("datasets", partial(datasets_look, settings.datasets_url))
    yield _tried("usage ledger", lambda: _ledger(settings))
    yield _sandbox()
    yield _tried("prices", _prices)
    keys = "the development key (this machine only)" if settings.uses_development_key else "the configured keys"
    yield Finding("sign-in", True, f"with tokens signed by {keys}")
    yield _secrets(settings)
    model = settings.model or "none; answers come from templates (set NETRA_MODEL to use one)"
    yield Finding("language model", True, model)
    yield from _extensions(settings)


def _extensions(settings: Settings) -> Iterator[Finding]:
    from ..extensions.loading import collect

    collection, _ = collect(settings)
    for fault in collection.faults:
        yield Finding(EXTENSIONS, False, fault)
    if not collection.faults:
        added = {f"{kind}s": collection.names(kind) for kind in ("agent", "tool", "format")}
        told = "; ".join(f"{kind} {', '.join(names)}" for kind, names in added.items() if names)
        yield Finding(EXTENSIONS, True, told or "none: netra serve --app MODULE adds agents and tools of yours")
    yield _tried("default agent", lambda: _default_agent(settings.default_agent, collection.all_names("agent")))
    yield _tried("plans", lambda: _plans(settings.plans, collection.all_names("agent"), collection.all_names("tool")))


def _default_agent(name: str, agents: Sequence[str]) -> str:
    check_default_agent(name, agents)
    return f"{name}: requests that name no agent are for it"


def _plans(plans: Plans | None, agents: Sequence[str], tools: Sequence[str]) -> str:
    check_plan_names(plans, agents, tools)
    if plans is None:
        return "none; all users have the server's limits (write plans.toml to have some)"
    usual = plans.usual.name or "no plan, without bounds but the server's limits"
    return f"{', '.join(plans.by_name)}; for a token that names none: {usual}"


def _tried(part: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(part, True, look())
    except ConfigurationError as error:
        return Finding(part, False, " ".join(error.faults))
    except NetraError as error:
        return Finding(part, False, error.message, error.hint)
    except Exception as error:
        return Finding(part, False, f"{type(error).__name__}: {error}", "Fix the cause, then run netra check again.")


def _data_directory(settings: Settings) -> str:
    path = make_data_directory(settings.data_dir)
    with tempfile.TemporaryFile(dir=path) as file:
        file.write(b"netra")
    holder = holder_of(path)
    return f"{path}, " + (f"in use by the server at {holder.url}" if holder is not None else "not in use")


def _event_log(settings: Settings) -> str:
    from ..adapters.sqlite.schema import open_reader, stored_version

    path = settings.data_dir / "events.db"
    if not path.exists():
        return f"SQLite {sqlite3.sqlite_version}, still empty"
    version = stored_version(path)
    reader = open_reader(path)
    try:
        (threads,) = reader.execute("SELECT count(*) FROM thread WHERE owner <> ''").fetchone()
    finally:
        reader.close()
    return f"SQLite {sqlite3.sqlite_version}, schema {version}, {threads:,} threads"


def _ledger(settings: Settings) -> str:
    from ..usage_stores import open_ledger

    async def ask() -> Any:
        with tempfile.TemporaryDirectory() as scratch:
            async with open_ledger(settings, root=Path(scratch)) as ledger:
                return await ledger.ask("checker", "data_profile", {})

    asyncio.run(ask())
    import duckdb

    return f"DuckDB {duckdb.__version__}, in a child process with limits"


def _sandbox() -> Finding:
    """What this system lacks is reported and is no fault: the other bounds hold, and raw SQL is refused if it needs more."""
    found = walls()
    missing = found.missing()
    if not missing:
        return Finding(
            "child processes", True, f"behind seccomp and Landlock {found.landlock}, without network and programs"
        )
    hint = "Use Linux 5.13 or newer, with Landlock switched on, to have children reach nothing but their own files."
    return Finding("child processes", True, f"this system has no {' and no '.join(missing)}", hint)


def _secrets(settings: Settings) -> Finding:
    directory = settings.secrets_dir
    if directory is not None and not directory.is_dir():
        return Finding("secrets", False, f"NETRA_SECRETS_DIR is not a directory: {directory}", "Make it, or unset it.")
    if settings.secrets_key is None:
        return Finding("secrets", True, "none of users are kept (set NETRA_SECRETS_KEY to keep them)")
    previous = "" if settings.secrets_key_previous is None else "; the previous key is still set"
    return Finding("secrets", True, f"of users are sealed with NETRA_SECRETS_KEY{previous}")


def _prices() -> str:
    from importlib.metadata import version

    return f"genai-prices {version('genai-prices')}"


def _audit(spec: str, as_json: bool) -> int:
    points = list(entry_points(group=AUDITS))
    if not points:
        err.print(f"✗ Nothing that checks factories is installed. Install {DISTRIBUTION} again.", style="bold red")
        return 2
    try:
        reports = [point.load()(spec) for point in points]
    except ValueError as fault:
        err.print(f"✗ {fault}", style="bold red", markup=False)
        return 2
    for report in reports:
        if as_json:
            typer.echo(json.dumps(asdict(report) | {"passed": report.passed}))
        else:
            for line in report.lines():
                out.print(line, markup=False, highlight=False)
    return 0 if all(report.passed for report in reports) else 1
