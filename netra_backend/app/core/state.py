"""Small JSON values that agents keep for a thread or for a user, and how a write of one is judged.

A write is part of an event's commit: the store judges it there, in the order of the events, and what becomes of it chooses
the event's bytes. So a write that is refused takes nothing else with it, and what is recorded is what happened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from .quoting import quoted_whole

WriteOutcome = Literal["written", "conflict", "full"]
"""What becomes of a write: it is stored; or another value is there than was expected; or there are too many keys."""

USER: Final = ""
"""In the place of a thread's id: what is the user's, whatever the thread."""

VALUES_A_PAGE: Final = 100
_MAX_KEY: Final = 256


class StateWrite:
    """One value that is to be set, or removed if ``value`` is ``None``. ``expected`` is the digest of the value that must be
    there, ``""`` if none must be, ``None`` if it does not matter. ``outcome`` is known once the event is committed.

    ``place`` is the event's index in its chunk; ``frames`` are its bytes for each outcome.
    """

    __slots__ = ("digest", "expected", "frames", "key", "most_keys", "outcome", "owner", "place", "thread_id", "value")

    def __init__(
        self, owner: str, thread_id: str, key: str, value: bytes | None, expected: str | None, most_keys: int
    ) -> None:
        self.owner = owner
        self.thread_id = thread_id
        self.key = key
        self.value = value
        self.digest = digest_of(value)
        self.expected = expected
        self.most_keys = most_keys
        self.outcome: WriteOutcome = "written"
        self.place = 0
        self.frames: Mapping[WriteOutcome, bytes] = {}

    def judge(self, stored: str, keys: int) -> WriteOutcome:
        """What becomes of it where ``stored`` is the digest of the value that is there (``""`` if none is), beside how many
        ``keys`` in all. Remembers it as ``outcome``."""
        if self.expected is not None and self.expected != stored:
            self.outcome = "conflict"
        elif self.value is not None and not stored and keys >= self.most_keys:
            self.outcome = "full"
        else:
            self.outcome = "written"
        return self.outcome


def digest_of(value: bytes | None) -> str:
    """What tells one encoded value from another; ``""`` for none."""
    return "" if value is None else hashlib.sha256(value).hexdigest()


def encode_value(value: Any) -> bytes | None:
    """The value as it is stored: the same bytes for equal values. ``None`` is no value. Raises ``TypeError`` or ``ValueError``
    if it is not JSON."""
    return None if value is None else msgspec.json.encode(value, order="sorted")


def check_key(key: str) -> None:
    """Raises ``ValueError`` unless this may be the key of a value: 1 to 256 printable characters."""
    if type(key) is not str or not 0 < len(key) <= _MAX_KEY or not key.isprintable():
        raise ValueError(f"The key of a value has 1 to {_MAX_KEY} printable characters, not {quoted_whole(key)}.")
