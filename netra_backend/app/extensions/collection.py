"""What a server is extended with: each agent, tool and format once, with where it came from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..agents.supervisor.agent_registry import MakeAgent
from ..agents.tools.definition import Tool
from ..core.errors import ExtensionError
from ..server.application import Application
from .framework_objects import framework_fault
from .named_objects import described

HOUSE = "Netra itself"


@dataclass(slots=True)
class Collection:
    """Agents, tools and formats, and every fault that was found in what was taken; one sentence each."""

    agents: list[MakeAgent] = field(default_factory=list)
    tools: list[Tool[Any]] = field(default_factory=list)
    importers: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _known: dict[tuple[str, str], tuple[str, Any]] = field(default_factory=dict)

    def reserve(self, kind: str, names: Iterable[str]) -> None:
        """Names that Netra's own agents, tools or formats have."""
        self._known.update({(kind, name): (HOUSE, None) for name in names})

    def names(self, kind: str) -> list[str]:
        """The names of this kind that were added."""
        return [name for (its, name), (origin, _) in self._known.items() if its == kind and origin != HOUSE]

    def all_names(self, kind: str) -> list[str]:
        """The names of this kind, those of the house included."""
        return [name for its, name in self._known if its == kind]

    def take(self, found: Any, origin: str) -> None:
        """Add an agent (a class or a function that makes one), a tool, or a sequence of these."""
        if isinstance(found, list | tuple):
            for place, each in enumerate(found):
                self.take(each, f"{origin}[{place}]")
        elif isinstance(found, Tool):
            if self._is_new("tool", found.name, origin, found):
                self.tools.append(found)
        elif known := framework_fault(found, origin):
            if known not in self.faults:
                self.faults.append(known)
        elif fault := agent_fault(found):
            self.faults.append(f"{origin} is no agent, tool or sequence of these: {fault}.")
        elif self._is_new("agent", found().name, origin, found):
            self.agents.append(found)

    def take_formats(self, found: Any, path: str, origin: str) -> None:
        """Add a file format, or a sequence of formats, that ``path`` (``module:name``) leads to."""
        from ..usage.importers.format import Format  # a server without added formats has no use for it

        formats = found if isinstance(found, list | tuple) else (found,)
        if strange := [each for each in formats if not isinstance(each, Format)]:
            self.faults.append(f"{origin} is no format or sequence of formats: it holds {shown(strange[0])}.")
        elif all(self._is_new("format", each.name, origin, each) for each in formats):
            self.importers.append(path)

    def _is_new(self, kind: str, name: str, origin: str, found: Any) -> bool:
        """Whether it is to be added. The same object again, as where a package is installed and named too, is no fault."""
        if (kind, name) not in self._known:
            self._known[kind, name] = origin, found
            return True
        first, known = self._known[kind, name]
        if known is not found:
            self.faults.append(f"The {kind} name {name!r} is taken: {first} and {origin} both have it.")
        return False


def agent_fault(make: Any) -> str | None:
    """Why this makes no agents, or ``None`` if it does."""
    if isinstance(make, type):
        if not hasattr(make, "run"):  # whatever else it is, it is not made to see
            return f"the class {make.__name__} has no run"
    elif hasattr(make, "run") and hasattr(make, "name"):
        own = f"it is one {type(make).__name__} object, and each run needs one of its own, so name its class"
        return _fault_of(make) or own
    elif not callable(make):
        return f"it is {shown(make)}"
    elif needed := _needed(make):
        return (
            f"the function {make.__name__} needs {needed}: to make it a tool, write @tool above it, from netra_server"
        )
    try:
        agent = make()
    except ExtensionError as error:
        return f"it cannot be made: {' '.join(error.faults)}"
    except Exception as fault:
        return f"it cannot be made ({described(fault)})"
    return _fault_of(agent)


def _needed(make: Any) -> str:
    """The parameters that a plain function cannot be called without, for a sentence."""
    if not inspect.isfunction(make):
        return ""
    parameters = inspect.signature(make).parameters.values()
    named = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    return ", ".join(each.name for each in named if each.default is each.empty)


def _fault_of(agent: Any) -> str | None:
    if isinstance(agent, Application):
        return "it makes an application, and takes no Settings to make it of"
    if known := framework_fault(agent, "what it makes"):
        return known.removesuffix(".")
    kind = type(agent).__name__
    for part, fits, wanted in _PARTS:
        if not hasattr(agent, part):
            return f"{kind} has no {part}"
        if not fits(getattr(agent, part)):
            return f"{part} of {kind} is not {wanted}"
    return None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 128 and value.isprintable()


def _are_names(value: Any) -> bool:
    return isinstance(value, set | frozenset) and all(isinstance(each, str) for each in value)


_PARTS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("name", _is_name, "a text of 1 to 128 characters"),
    ("description", lambda value: isinstance(value, str), "a text"),
    ("tools", _are_names, "a frozenset of tool names"),
    ("run", inspect.iscoroutinefunction, "an async method"),
)


def shown(value: Any) -> str:
    """What a value is, in a few words that do not quote it."""
    if value is None:
        return "None"
    if inspect.ismodule(value):
        return f"the module {value.__name__}"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
