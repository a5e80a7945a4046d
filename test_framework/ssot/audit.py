"""Judges a factory by name: what it must offer, and whether it refuses ids that no factory may accept.

Used by ``pytest --netra-audit MODULE:NAME`` and ``netra check --factory MODULE:NAME``.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.extensions.named_objects import find, load_module, parse

from ..ids import new_id
from .fixtures import forge_user_execution_context
from .ssot_validation_helpers import REQUIRED_METHODS, VALIDATION_FLAG, SSotValidationTester

_HINTS: Final = {
    "configure": "add configure(...): it takes the factory's dependencies, once, before the first use",
    "get_factory_metrics": "add get_factory_metrics(): it returns a mapping of counters for operators",
    "cleanup": "add an async cleanup(): it closes what the factory made, in reverse order",
}
_FLAG_HINT: Final = f"set {VALIDATION_FLAG} = True on the class; validation must have no switch"
_ACCEPTS_HINT: Final = "refuse it: validate every id again where it enters the factory, for a context may be forged"
_REFUSES: Final = re.compile(r"ssot|placeholder|invalid|validation", re.IGNORECASE)
_VIOLATIONS: Final = ("placeholder_user_id", "registry_thread_id", "empty_values", "invalid_format")

# What each creating method takes, made from one set of ids.
_METHODS: Final[dict[str, Callable[[dict[str, Any]], tuple[Any, ...]]]] = {
    "create_for_user": lambda ids: (forge_user_execution_context(**ids),),
    "create_for_request": lambda ids: (forge_user_execution_context(**ids),),
    "create_user_emitter": lambda ids: (ids["user_id"], ids["thread_id"], new_id("conn")),
    "create_websocket_manager": lambda ids: (ids["user_id"], ids["thread_id"], new_id("conn")),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with a factory, and what to do."""

    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found. ``unjudged`` says what could not be tried, and why."""

    name: str
    violations: tuple[Violation, ...]
    unjudged: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.violations

    def lines(self) -> list[str]:
        """The report for people."""
        verdict = "complies" if self.passed else f"{len(self.violations)} SSOT violations"
        found = [line for violation in self.violations for line in (f"  {violation.what}", f"    → {violation.hint}")]
        return [f"{self.name}: {verdict}", *found, *(f"  not judged: {what}" for what in self.unjudged)]


def audit_named_factory(spec: str) -> AuditReport:
    """Audit ``MODULE:NAME``: a factory class, a factory, or a function without arguments that makes one.

    The current directory is on the import path. Raises ``ExtensionError`` if the name leads to nothing that can be audited.
    """
    return asyncio.run(audit_factory(_load(spec)))


async def audit_factory(factory: object) -> AuditReport:
    """Audit a factory: its methods and flag, then every creating method with forged and malformed ids."""
    name = factory.__name__ if isinstance(factory, type) else type(factory).__name__
    compliance = SSotValidationTester.validate_factory_ssot_compliance(factory)
    found = [Violation(what, _hint_for(what)) for what in compliance.violations]
    unjudged: list[str] = []
    if isinstance(factory, type):
        unjudged.append("its creating methods: the class needs arguments; name a function that makes a factory instead")
    else:
        for method, take in _METHODS.items():
            if (create := getattr(factory, method, None)) is not None:
                await _try_method(f"{name}.{method}", create, take, found, unjudged)
    return AuditReport(name, tuple(found), tuple(unjudged))


async def _try_method(
    method: str,
    create: Callable[..., Any],
    take: Callable[[dict[str, Any]], tuple[Any, ...]],
    found: list[Violation],
    unjudged: list[str],
) -> None:
    for shown, ids in _violating_ids():
        try:
            made = create(*take(ids))
            if inspect.isawaitable(made):
                await made
        except (ValueError, RuntimeError, PermissionError) as refusal:
            if _REFUSES.search(str(refusal)) is None:
                unjudged.append(f"{method}, which refuses everything: {refusal}")
                return
        except Exception as fault:
            found.append(Violation(f"{method} breaks on {shown} with {type(fault).__name__}: {fault}", _ACCEPTS_HINT))
        else:
            found.append(Violation(f"{method} accepts {shown}", _ACCEPTS_HINT))


def _violating_ids() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in _VIOLATIONS:
        for field, value in SSotValidationTester.create_ssot_violating_context(kind).items():
            yield f"{field}={value!r}", {"user_id": new_id("user"), "thread_id": new_id("thread"), field: value}


def _hint_for(violation: str) -> str:
    method = violation.rpartition(": ")[2]
    return _HINTS[method] if method in REQUIRED_METHODS else _FLAG_HINT


def _load(spec: str) -> object:
    module, name = parse(spec)
    if name is None:
        raise ExtensionError([f"{spec!r} is not MODULE:NAME, such as my.module:MyFactory."])
    found = find(load_module(module), name)
    if isinstance(found, type):
        try:
            return found()
        except TypeError:
            return found
    return found() if inspect.isroutine(found) else found
