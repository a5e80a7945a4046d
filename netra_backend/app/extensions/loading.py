"""Reads what ``--app`` and the entry points of installed packages add, and makes the server that has it all.

Only ``serve`` and what stands in for it load them: they are other people's code, and may take long to import.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, Final

from ..agents.tools.usage_tools import TOOL_NAMES
from ..config import Settings
from ..core.errors import ConfigurationError, ExtensionError
from ..server.application import Application
from ..wiring import AGENTS, NetraApplication
from .collection import Collection, shown
from .framework_objects import unserved_hint
from .named_objects import described, find, load_module, parse

AGENTS_GROUP: Final = "netra.agents"
TOOLS_GROUP: Final = "netra.tools"
IMPORTERS_GROUP: Final = "netra.importers"
"""The groups of entry points that are loaded."""

_SAME: Final = ("data_dir", "host", "port", "workers")
"""The settings that whoever serves an application has used already when it is made."""


def load_application(settings: Settings, *, slot: int | None = None) -> NetraApplication:
    """The server of these settings, with what ``settings.app`` and installed packages add. ``slot``: see ``open_runtime``.

    Raises ``ExtensionError`` with every fault.
    """
    collection, given = collect(settings)
    if collection.faults:
        raise ExtensionError(collection.faults)
    return NetraApplication(
        settings if given is None else given.settings,
        tuple(collection.agents),
        tuple(collection.tools),
        importers=tuple(collection.importers),
        slot=slot,
    )


def collect(settings: Settings) -> tuple[Collection, NetraApplication | None]:
    """All that is added, with its faults; and the application that ``settings.app`` made, if it names a function."""
    collection = Collection()
    collection.reserve("agent", (make().name for make in AGENTS))
    collection.reserve("tool", TOOL_NAMES)
    _take_installed(collection)
    try:
        return collection, None if settings.app is None else _take_app(collection, settings, settings.app)
    except ExtensionError as error:
        collection.faults += error.faults
        return collection, None


def installed_importers() -> tuple[str, ...]:
    """The formats that installed packages add, for a command that imports without a server. Raises ``ExtensionError``."""
    collection = Collection()
    _take_formats(collection, entry_points(group=IMPORTERS_GROUP))
    if collection.faults:
        raise ExtensionError(collection.faults)
    return tuple(collection.importers)


def adds_anything(settings: Settings) -> bool:
    """Whether there is anything to load, without loading it."""
    return settings.app is not None or any(
        entry_points(group=each) for each in (AGENTS_GROUP, TOOLS_GROUP, IMPORTERS_GROUP)
    )


def _take_installed(collection: Collection) -> None:
    points = entry_points()  # once for all groups: it reads every installed distribution
    for group in (AGENTS_GROUP, TOOLS_GROUP):
        _each(collection, points.select(group=group), lambda found, _, origin: collection.take(found, origin))
    _take_formats(collection, points.select(group=IMPORTERS_GROUP))


def _take_formats(collection: Collection, points: EntryPoints) -> None:
    if not points:
        return
    from ..usage.importers.registry import FORMATS  # which only children that import load otherwise

    collection.reserve("format", (each.name for each in FORMATS))
    _each(
        collection,
        points,
        lambda found, point, origin: collection.take_formats(found, f"{point.module}:{point.attr}", origin),
    )


def _each(collection: Collection, points: Iterable[EntryPoint], take: Callable[[Any, EntryPoint, str], None]) -> None:
    for point in points:
        origin = f"the entry point {point.name} of {point.dist.name if point.dist else 'an unknown package'}"
        try:
            found = point.load()
        except (Exception, SystemExit) as fault:
            collection.faults.append(f"{origin} ({point.group}) cannot be loaded: {described(fault)}.")
        else:
            take(found, point, origin)


def _take_app(collection: Collection, settings: Settings, app: str) -> NetraApplication | None:
    module_name, name = parse(app)
    module = load_module(module_name)
    if name is None:
        kept = [each for each in ("AGENTS", "TOOLS") if hasattr(module, each)]
        if not kept:
            raise ExtensionError(
                [
                    f"{app} has neither AGENTS nor TOOLS: define one of them, or name what to serve, as {app}:NAME."
                    f"{unserved_hint(module)}"
                ]
            )
        for each in kept:
            collection.take(getattr(module, each), f"{app}:{each}")
        return None
    found = find(module, name)
    if isinstance(found, Application):
        raise ExtensionError(
            [f"{app} is made already: name a function of Settings, so that each process makes its own."]
        )
    if not _takes_settings(found):
        collection.take(found, app)
        return None
    made = _made(found, settings, app)
    collection.take(made.agents, f"agents of {app}")
    collection.take(made.tools, f"tools of {app}")
    return made


def _takes_settings(found: Any) -> bool:
    """Whether this is a function that makes an application of ``Settings``, and not one that makes an agent of nothing."""
    if isinstance(found, type) or not callable(found):
        return False
    try:
        parameters = list(inspect.signature(found).parameters.values())
    except ValueError:  # a function in C that tells nothing about itself
        return False
    by_place = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    return bool(by_place) and (by_place[0].default is inspect.Parameter.empty or by_place[0].name == "settings")


def _made(make: Callable[[Settings], Any], settings: Settings, app: str) -> NetraApplication:
    try:
        made = make(settings)
    except ConfigurationError as error:
        raise ExtensionError([f"{app} failed: {fault}" for fault in error.faults]) from error
    except Exception as fault:
        raise ExtensionError([f"{app} failed: {described(fault)}."]) from fault
    if not isinstance(made, NetraApplication):
        if inspect.iscoroutine(made):
            made.close()
        raise ExtensionError([f"{app} returned {shown(made)}, not what create_app makes."])
    if changed := [name for name in _SAME if getattr(made.settings, name) != getattr(settings, name)]:
        raise ExtensionError(
            [f"{app} made an application with another {changed[0]}: use the Settings that it is given."]
        )
    return made
