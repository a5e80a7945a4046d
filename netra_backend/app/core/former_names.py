"""Names that moved: for one release the old name still works, and warns with the new one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def former_names(module: str, moved: Mapping[str, tuple[str, str]]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module that other people's code imports these names from.

    ``moved`` has, for each old name, the module where the object is now, and its public name, which the warning gives and
    whose last part is its name in that module.
    """

    def former_name(name: str) -> Any:
        if name not in moved:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, successor = moved[name]
        warnings.warn(
            f"{module}.{name} is now {successor}; the old name goes with the next release.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(import_module(home), successor.rpartition(".")[2])

    return former_name
