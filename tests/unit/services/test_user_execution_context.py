"""The context of a request: immutable, cheap to share, and owning all it holds."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

from netra_backend.app.core import validation
from netra_backend.app.services.user_execution_context import (
    AuditMetadata,
    InvalidContextError,
    UserExecutionContext,
    validate_user_context,
)
from test_framework.ssot.fixtures import create_valid_user_execution_context, forge_user_execution_context

IDS = ("user_123", "thread_456", "run_789", "req_101112")


def test_a_context_holds_its_ids_and_default_metadata_without_time_or_entropy() -> None:
    context = UserExecutionContext(*IDS)
    assert (context.user_id, context.thread_id, context.run_id, context.request_id) == IDS
    assert context.connection_id is None
    assert context.audit_metadata == {}
    assert context.audit_metadata is UserExecutionContext(*IDS).audit_metadata


def test_contexts_are_equal_by_their_ids_alone() -> None:
    one = UserExecutionContext(*IDS, audit_metadata={"a": 1}, connection_id="conn_789")
    other = UserExecutionContext(*IDS, audit_metadata={"b": 2}, connection_id="conn_789")
    assert one == other
    assert hash(one) == hash(other)
    assert one != UserExecutionContext(*IDS)
    assert one != dataclasses.replace(one, user_id="user_124")


@pytest.mark.parametrize("field", ["user_id", "thread_id", "audit_metadata", "connection_id"])
def test_a_context_cannot_be_changed(field: str) -> None:
    context = UserExecutionContext(*IDS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(context, field, "user_999")
    assert not hasattr(context, "__dict__")


def test_metadata_is_copied_in_deeply_and_read_only() -> None:
    inner: dict[str, Any] = {"roles": ["a", {"x": 1}], "tags": {"t"}, "when": object}
    given: dict[Any, Any] = {"inner": inner, 7: b"raw"}
    context = UserExecutionContext(*IDS, audit_metadata=given)
    inner["roles"].append("b")
    given["more"] = 1
    kept = context.audit_metadata
    assert isinstance(kept, AuditMetadata)
    assert kept["inner"]["roles"] == ("a", {"x": 1})
    assert kept["inner"]["tags"] == frozenset({"t"})
    assert kept["inner"]["when"] == repr(object)
    assert kept["7"] == b"raw"
    assert set(kept) == {"inner", "7"}
    assert len(kept) == 2
    with pytest.raises(TypeError):
        kept["x"] = 1  # type: ignore[index]
    with pytest.raises(TypeError):
        kept["inner"]["x"] = 1


def test_metadata_can_be_shown_hashed_and_passed_on() -> None:
    metadata = AuditMetadata({"a": (1, 2)})
    assert repr(metadata) == "AuditMetadata({'a': (1, 2)})"
    assert hash(metadata) == hash(AuditMetadata({"a": 3}))
    assert UserExecutionContext(*IDS, audit_metadata={"m": metadata}).audit_metadata == {"m": metadata}


def test_a_child_is_another_object_of_the_same_identity() -> None:
    parent = UserExecutionContext(*IDS, audit_metadata={"a": [1]}, connection_id="conn_789")
    child = parent.child()
    assert child == parent
    assert child is not parent
    assert child.audit_metadata == parent.audit_metadata
    assert child.connection_id == "conn_789"


def test_a_valid_context_comes_back_from_its_judgement() -> None:
    context = create_valid_user_execution_context(connection_id="conn_789")
    assert validate_user_context(context) is context
    forged = forge_user_execution_context()
    assert validate_user_context(forged) is forged


@pytest.mark.validation_point("context.forged")
@pytest.mark.parametrize("forged", [None, "user_123", {"user_id": "user_123"}, object(), 7])
def test_what_is_no_context_is_refused(forged: object) -> None:
    with pytest.raises(InvalidContextError, match="Expected a UserExecutionContext, not") as refused:
        validate_user_context(forged)
    assert refused.value.point is validation.CONTEXT_FORGED


@pytest.mark.validation_point("context.forged")
def test_a_subclass_is_refused_for_it_may_answer_differently_each_time() -> None:
    class Shifty(UserExecutionContext):
        __slots__ = ()

    shifty = Shifty(*IDS)
    seen = None
    try:
        validate_user_context(shifty)
    except InvalidContextError as refusal:
        seen = refusal.point
    assert seen is validation.CONTEXT_FORGED


@pytest.mark.validation_point("id.format", "id.placeholder")
@pytest.mark.parametrize("field", ["user_id", "thread_id", "run_id", "request_id", "connection_id"])
@pytest.mark.parametrize("value", ["placeholder_1", "user@invalid#format"])
def test_a_forged_context_is_judged_like_a_new_one(field: str, value: str) -> None:
    with pytest.raises(InvalidContextError, match=field):
        validate_user_context(forge_user_execution_context(**{field: value}))


@pytest.mark.validation_point("context.metadata")
@pytest.mark.parametrize("metadata", [None, {}, {"shared": []}, "text", ()])
def test_forged_metadata_that_someone_else_could_change_is_refused(metadata: object) -> None:
    with pytest.raises(InvalidContextError, match=r"audit_metadata.*required") as refused:
        validate_user_context(forge_user_execution_context(audit_metadata=metadata))
    assert refused.value.point is validation.CONTEXT_METADATA
    assert refused.value.field == "audit_metadata"


def test_a_context_that_was_stored_and_loaded_is_judged_again() -> None:
    context = create_valid_user_execution_context()
    assert validate_user_context(pickle.loads(pickle.dumps(context))) == context
