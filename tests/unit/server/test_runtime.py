"""A server's parts, by name, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from netra_backend.app.server.runtime import Runtime

NAMES = [field.name for field in dataclasses.fields(Runtime)]


def runtime() -> Any:
    parts: dict[str, Any] = {name: object() for name in NAMES}
    return Runtime(**parts)


def test_every_part_is_given_when_it_is_made() -> None:
    for name in NAMES:
        parts: dict[str, Any] = {each: object() for each in NAMES if each != name}
        with pytest.raises(TypeError, match=f"required keyword-only argument: '{name}'"):
            Runtime(**parts)


@pytest.mark.parametrize("name", ["connections", "on_tick", "something_else"])
def test_nothing_is_changed_once_it_is_made(name: str) -> None:
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError, AttributeError)):
        setattr(runtime(), name, 1)
