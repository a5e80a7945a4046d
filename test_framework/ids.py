"""Ids for tests: made where the server makes them, so that no test can rely on an id the server would refuse."""

from __future__ import annotations

import secrets
import time

from netra_backend.app.core.ids import mint


def new_id(kind: str) -> str:
    """A new id such as ``user_…`` or ``thread_…``; never the same twice."""
    return mint(kind, time.time_ns() // 1_000_000, secrets.token_bytes(10))
