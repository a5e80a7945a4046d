"""A server's parts, by name, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from netra_backend.app.server.runtime import Runtime


def runtime() -> Runtime:
    needed = [field.name for field in dataclasses.fields(Runtime) if field.default_factory is dataclasses.MISSING]
    parts: dict[str, Any] = {name: object() for name in needed if name != "draining"}
    return Runtime(**parts)


def test_it_starts_open_and_without_connections_and_shares_none_with_another() -> None:
    one, two = runtime(), runtime()
    assert (one.draining, one.connections) == (False, set())
    assert one.connections is not two.connections


def test_nothing_can_be_hung_on_it() -> None:
    made: Any = runtime()
    with pytest.raises(AttributeError):
        made.something_else = 1
