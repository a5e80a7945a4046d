"""What these packages are installed as: the distribution's name, its version, and the command that installs an extra.

Imports nothing of ours, so that every part, the client too, may ask it.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, Literal

NAME: Final = "netra-server"

PACKAGES: Final = ("netra_backend", "netra_server", "test_framework")
"""The import packages that it brings."""

COMMAND: Final = "netra"
"""The command that it brings."""

Extra = Literal["langgraph", "mcp", "models", "openai-agents", "pydantic-ai", "scale"]
"""The extras of ``pyproject.toml``."""

INSTALLED_FROM: Final = "."
"""A checkout. From the first release on an index it is ``NAME``; every text that names an extra is held against it."""


def install_hint(extra: Extra) -> str:
    """The command that installs an extra."""
    return f"pip install '{INSTALLED_FROM}[{extra}]'"


def missing_packages(needed_by: str, extra: Extra, *packages: str) -> list[str]:
    """One fault with the command that mends it if any of these import packages of an extra is not installed, else none."""
    missing = [name for name in packages if find_spec(name) is None]
    if not missing:
        return []
    verb = "is" if len(missing) == 1 else "are"
    return [f"{needed_by} needs {', '.join(missing)}, which {verb} not installed: {install_hint(extra)}"]


def version() -> str:
    """The version of what is installed, from its metadata."""
    from importlib import metadata  # not loaded by commands that never say a version

    return metadata.version(NAME)
