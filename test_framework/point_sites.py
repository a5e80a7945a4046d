"""Maps every refusal in the application's syntax tree to its validation point.

The rule: a refusal is constructed in a ``raise`` and nowhere else, with ``point=validation.CONSTANT``; each point has one
such place, in the module that the catalogue calls its home, and the error there is the one that the catalogue names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netra_backend import app
from netra_backend.app.core import (
    door_points,
    errors,
    key_points,
    mcp_points,
    plan_points,
    question_points,
    run_points,
    validation,
)
from netra_backend.app.core.validation import Point

from .disabling.import_hook import names_point

PACKAGE = "netra_backend.app"
SOURCES = Path(app.__file__).parent


@dataclass(frozen=True, slots=True)
class Site:
    """One construction of a refusal: where, of which class, and the point's constant (``None``: it names none)."""

    home: str
    line: int
    error: str
    constant: str | None

    def __str__(self) -> str:
        return f"{self.home}:{self.line} {self.error}"


def constants() -> dict[str, Point]:
    """Every catalogued point by the name of its constant."""
    modules = (validation, run_points, question_points, plan_points, mcp_points, key_points, door_points)
    return {name: value for module in modules for name, value in vars(module).items() if isinstance(value, Point)}


def refusal_names() -> frozenset[str]:
    """The names of all classes of refusals."""
    return frozenset(kind.__name__ for kind in _descendants(errors.Refusal))


def _descendants(kind: type[errors.Refusal]) -> Iterator[type[errors.Refusal]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _descendants(below)


def sites_in(source: str, home: str) -> list[Site]:
    """The constructions of refusals in one module."""
    known = refusal_names()
    found = []
    raised: dict[ast.expr, str | None] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised[node.exc] = names_point(node)
        if isinstance(node, ast.Call) and (name := _called(node)) in known:
            found.append(Site(home, node.lineno, name, raised.get(node)))
    return found


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def all_sites(sources: Path = SOURCES) -> list[Site]:
    """The constructions of refusals in the whole application."""
    found: list[Site] = []
    for path in sorted(sources.rglob("*.py")):
        home = ".".join(path.relative_to(sources).with_suffix("").parts)
        found += sites_in(path.read_text(), home)
    return found


def faults(sites: list[Site], catalogue: dict[str, Point]) -> list[str]:
    """Where sites and catalogue do not agree, in words; empty where they do."""
    found = [f"{site}: a refusal that names no point in a raise" for site in sites if site.constant is None]
    for constant, point in catalogue.items():
        mine = [site for site in sites if site.constant == constant]
        if len(mine) != 1:
            found.append(f"{point.id}: {len(mine)} raises, must be one ({', '.join(map(str, mine))})")
        found += [f"{site}: the home of {point.id} is {point.home}" for site in mine if site.home != point.home]
        found += [f"{site}: {point.id} is catalogued as {point.error}" for site in mine if site.error != point.error]
    found += [
        f"{site}: validation.{site.constant} is not catalogued"
        for site in sites
        if site.constant is not None and site.constant not in catalogue
    ]
    return found
