"""Key and anchor of an audit trail for tests."""

from __future__ import annotations

from pathlib import Path

from netra_backend.app.adapters.audit.anchors import FileAnchor
from netra_backend.app.adapters.audit.place import Place
from netra_backend.app.core.audit_chain import ChainKeys

KEY = "a key of an audit trail in tests, long enough"


def place_in(directory: Path, *, key: str = KEY, every_s: float = 0.0) -> Place:
    """A place whose anchor lies in this directory, and names each row as soon as it is stored (``every_s`` 0)."""
    anchor = FileAnchor(directory / "audit.anchor")
    anchor.every_s = every_s
    return Place(ChainKeys.of(key.encode()), anchor)
