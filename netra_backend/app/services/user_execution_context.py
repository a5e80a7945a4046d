"""Who a request is for: an immutable, validated bundle of ids that everything of that request is made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ..core import validation
from ..core.errors import InvalidContextError
from ..core.ids import FOUND_VALID, check_id

__all__ = ["InvalidContextError", "UserExecutionContext", "validate_user_context"]


class AuditMetadata(Mapping[str, Any]):
    """A read-only mapping that owns all it holds: mappings and sequences are copied in, deeply, as read-only ones."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = {str(key): _frozen(value) for key, value in items.items()}

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(tuple(self._items))

    def __repr__(self) -> str:
        return f"AuditMetadata({self._items!r})"


def _frozen(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, bool, bytes, AuditMetadata)):
        return value
    if isinstance(value, Mapping):
        return AuditMetadata(value)
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, (set, frozenset)):
        return frozenset(_frozen(item) for item in value)
    return repr(value)


NO_METADATA: Final = AuditMetadata({})


@dataclass(frozen=True, slots=True, init=False)
class UserExecutionContext:
    """The identity of one request. Equality and hash are over the ids.

    Raises ``InvalidContextError`` on construction if an id is a placeholder or malformed. ``audit_metadata`` is copied
    in, deeply, and read-only; an explicit ``None`` constructs but is refused by ``validate_user_context`` and every
    factory. ``connection_id`` is ``None`` for a run without a socket (takeover, AG-UI, schedule).
    """

    user_id: str
    thread_id: str
    run_id: str
    request_id: str
    audit_metadata: Mapping[str, Any] | None = field(default=NO_METADATA, compare=False)
    connection_id: str | None = None

    def __init__(
        self,
        user_id: str,
        thread_id: str,
        run_id: str,
        request_id: str,
        audit_metadata: Mapping[str, Any] | None = NO_METADATA,
        connection_id: str | None = None,
    ) -> None:
        if audit_metadata is not NO_METADATA and isinstance(audit_metadata, Mapping):
            audit_metadata = AuditMetadata(audit_metadata)
        _set_user_id(self, user_id)
        _set_thread_id(self, thread_id)
        _set_run_id(self, run_id)
        _set_request_id(self, request_id)
        _set_audit_metadata(self, audit_metadata)
        _set_connection_id(self, connection_id)
        self._check_ids()

    def _check_ids(self) -> None:
        # One expression for the common case: a context is on every request's path, and judged by every factory it passes.
        user_id, thread_id, run_id, request_id = self.user_id, self.thread_id, self.run_id, self.request_id
        connection_id = self.connection_id
        if (
            type(user_id) is type(thread_id) is type(run_id) is type(request_id) is str
            and user_id in FOUND_VALID
            and thread_id in FOUND_VALID
            and run_id in FOUND_VALID
            and request_id in FOUND_VALID
            and (connection_id is None or (type(connection_id) is str and connection_id in FOUND_VALID))
        ):
            return
        check_id("user_id", self.user_id)
        check_id("thread_id", self.thread_id)
        check_id("run_id", self.run_id)
        check_id("request_id", self.request_id)
        if self.connection_id is not None:
            check_id("connection_id", self.connection_id)

    def _validate_metadata_isolation(self) -> None:
        """Refuse metadata that is missing or that someone else could change. Raises ``InvalidContextError``."""
        if not isinstance(self.audit_metadata, AuditMetadata):
            raise InvalidContextError(
                "audit_metadata is required: leave it out for the default, or pass a mapping",
                point=validation.CONTEXT_METADATA,
                field="audit_metadata",
            )

    def child(self) -> UserExecutionContext:
        """A distinct context, equal in identity, for one part of the same request. It is as valid as this one is."""
        twin: Any = _Unfilled()
        twin.user_id = self.user_id
        twin.thread_id = self.thread_id
        twin.run_id = self.run_id
        twin.request_id = self.request_id
        twin.audit_metadata = self.audit_metadata
        twin.connection_id = self.connection_id
        twin.__class__ = UserExecutionContext  # from now on it is one, and frozen
        return cast("UserExecutionContext", twin)


class _Unfilled:
    """A child that is nobody's yet: its slots are the context's, and can be filled."""

    __slots__ = UserExecutionContext.__slots__


# The slots' own setters: a frozen instance can be filled in no other way, and by name it would cost three times as much.
_set_user_id = UserExecutionContext.__dict__["user_id"].__set__
_set_thread_id = UserExecutionContext.__dict__["thread_id"].__set__
_set_run_id = UserExecutionContext.__dict__["run_id"].__set__
_set_request_id = UserExecutionContext.__dict__["request_id"].__set__
_set_audit_metadata = UserExecutionContext.__dict__["audit_metadata"].__set__
_set_connection_id = UserExecutionContext.__dict__["connection_id"].__set__


def validate_user_context(context: object) -> UserExecutionContext:
    """Judge a context as if it had never been constructed (it may be forged) and return it.

    Raises ``InvalidContextError`` for another type, an invalid id, or metadata that is not isolated.
    """
    if type(context) is not UserExecutionContext:
        raise InvalidContextError(
            f"Expected a UserExecutionContext, not {type(context).__name__}: create one for each request",
            point=validation.CONTEXT_FORGED,
            field="context",
        )
    context._check_ids()
    context._validate_metadata_isolation()
    return context
