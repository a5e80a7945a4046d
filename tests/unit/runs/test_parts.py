"""What runs work with."""

from __future__ import annotations

from typing import Any

from netra_backend.app.runs.parts import RunParts


def test_nothing_is_revoked_where_nobody_can_revoke() -> None:
    nothing: Any = None
    names = ("log", "conversations", "engines", "registry", "services", "quotas", "limits", "loop")
    assert RunParts(**dict.fromkeys(names, nothing)).revoked_ms("ada") == -1
