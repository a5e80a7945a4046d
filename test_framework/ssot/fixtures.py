"""Contexts for tests, valid, real and forged, and stand-ins for a factory's dependencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netra_backend.app.services.user_execution_context import UserExecutionContext

from ..ids import new_id

_CONTEXT_FIELDS = ("user_id", "thread_id", "run_id", "request_id")


def _with_new_ids(ids: Mapping[str, Any]) -> dict[str, Any]:
    return {name: new_id(name.removesuffix("_id")) for name in _CONTEXT_FIELDS} | dict(ids)


def create_valid_user_execution_context(**ids: Any) -> UserExecutionContext:
    """A valid context; ids that are not given are new. Takes every field of a context."""
    return UserExecutionContext(**_with_new_ids(ids))


def forge_user_execution_context(**ids: Any) -> UserExecutionContext:
    """A context made around its constructor, as an attacker or a bug would: nothing in it was checked.

    Ids that are not given are new and valid, so a test forges just what it is about.
    """
    forged = object.__new__(UserExecutionContext)
    model = create_valid_user_execution_context()
    values = {"audit_metadata": model.audit_metadata, "connection_id": None} | _with_new_ids(ids)
    for name, value in values.items():
        object.__setattr__(forged, name, value)
    return forged
