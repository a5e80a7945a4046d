"""The row of ``netra check`` about what is installed: every package of ours is ours alone."""

from __future__ import annotations

from collections import defaultdict
from importlib.metadata import entry_points, packages_distributions

from ...distribution import COMMAND, NAME, PACKAGES, version
from ..core import validation
from ..core.errors import ConfigurationError


def packages_look() -> str:
    """Which distribution is installed. Raises ``ConfigurationError`` if another one brings a package or the command, too:
    whichever was installed last has overwritten files of the other, and removing either removes files of both."""
    brought = _brought_by_others()
    if brought:
        raise ConfigurationError(
            [
                f"The distribution {other} brings {', '.join(names)}, too. Remove it (pip uninstall {other}), then install "
                f"{NAME} again: it may have lost files."
                for other, names in brought.items()
            ],
            point=validation.PACKAGES_OWNED,
        )
    return f"{NAME} {version()}; no other distribution brings its packages or its command"


def _brought_by_others() -> dict[str, list[str]]:
    """Other distributions, each with what it brings of ours. A package that is called like the command counts as ours."""
    brought: dict[str, set[str]] = defaultdict(set)
    owners = packages_distributions()
    for package in (*PACKAGES, COMMAND):
        for other in owners.get(package, ()):
            brought[other].add(f"the package {package}")
    for script in entry_points(group="console_scripts", name=COMMAND):
        if script.dist is not None:
            brought[script.dist.name].add(f"the command {COMMAND}")
    return {other: sorted(names) for other, names in sorted(brought.items()) if _canonical(other) != _canonical(NAME)}


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
