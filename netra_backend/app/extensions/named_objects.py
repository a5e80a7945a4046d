"""Imports what a person names, and says in one sentence why that cannot be done."""

from __future__ import annotations

import difflib
import importlib
import os
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from ..core.errors import ExtensionError

_OURS: Final = Path(__file__).parents[3]
_MACHINERY: Final = (
    "<frozen ",
    str(Path(__file__).parent),
    str(Path(importlib.__file__).parent),
    f"{_OURS / 'netra_server'}{os.sep}",
    str(_OURS / "netra_backend" / "app" / "agents" / "frameworks"),
)
"""Where code lies that a fault is not of: what imports a module, and what serves its agents."""

_is_spec: Final = re.compile(r"(\w+(?:\.\w+)*)(?::(\w+(?:\.\w+)*))?").fullmatch


def parse(spec: str) -> tuple[str, str | None]:
    """The module and the name of ``MODULE[:NAME]``. Raises ``ExtensionError``."""
    found = _is_spec(spec)
    if found is None or spec.endswith(".py"):
        raise ExtensionError([f"{spec[:128]!r} is not MODULE or MODULE:NAME, such as my_agents or my_agents:AGENTS."])
    return found[1], found[2]


def load_module(name: str) -> ModuleType:
    """Import a module that is installed or lies in the current directory. Raises ``ExtensionError``."""
    reach_current_directory()
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as fault:
        if isinstance(fault, ModuleNotFoundError) and fault.name and f"{name}.".startswith(f"{fault.name}."):
            raise ExtensionError(
                [f"There is no module {name!r}: it is neither in {Path.cwd()} nor installed."]
            ) from None
        raise ExtensionError([f"{name} cannot be imported: {described(fault)}."]) from fault


def find(module: ModuleType, name: str) -> Any:
    """The object of that (perhaps dotted) name in a module. Raises ``ExtensionError``."""
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, [each for each in dir(found) if not each.startswith("_")], n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ExtensionError([f"{module.__name__} has no {name}.{hint}"])
        found = getattr(found, part)
    return found


def reach_current_directory() -> None:
    """Let modules of the current directory be imported."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()  # a file may be newer than the last look at its directory


def described(fault: BaseException) -> str:
    """An exception in one line: its type, its message, and the line that it comes from."""
    place = ""
    if isinstance(fault, SyntaxError) and fault.filename:
        place = f" ({Path(fault.filename).name}, line {fault.lineno})"
        message = fault.msg
    else:
        trace = traceback.extract_tb(fault.__traceback__)
        frames = [each for each in trace if not each.filename.startswith(_MACHINERY)]
        frames = [each for each in frames if "site-packages" not in each.filename] or frames
        if frames:
            place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
        message = " ".join(str(fault).split())[:500].removesuffix(".")
    return f"{type(fault).__name__}{': ' if message else ''}{message}{place}"
