"""Ids: the one list of placeholders, the one format, and the one place where ids are made.

An id is 1 to 128 characters ``[A-Za-z0-9][A-Za-z0-9._:-]*`` and no placeholder. There is no environment in which the list
is shorter. Tool and agent names are not ids.
"""

from __future__ import annotations

import re
from typing import Final

from . import validation
from .errors import InvalidContextError

MAX_LENGTH: Final = 128

PLACEHOLDER_WORDS: Final = (
    "placeholder",
    "registry",
    "default",
    "temp",
    "example",
    "none",
    "null",
    "mock",
    "test",
    "dummy",
    "undefined",
    "nan",
)
"""An id that begins with one of these, in any case, followed by ``_ - . :`` or its end, is a placeholder."""

_WORDS = "|".join(PLACEHOLDER_WORDS)
_NIL_UUID = r"0{8}-?0{4}-?0{4}-?0{4}-?0{12}\Z"
_PLACEHOLDER = re.compile(
    rf"(?i:{_WORDS})(?:[_.:-]|\Z)|{_NIL_UUID}|.*(?:\{{.*\}}|\$[A-Za-z_{{(]|<[^<>]*>|%[sd(])", re.DOTALL
)
_VALID = re.compile(rf"(?!(?i:{_WORDS})(?:[_.:-]|\Z))(?!{_NIL_UUID})[A-Za-z0-9][A-Za-z0-9._:-]{{0,127}}").fullmatch
_SHOWN = 64
FOUND_VALID: Final[set[str]] = set()
"""Ids judged lately, and found to be ids: one request's ids are judged by every factory they pass, and the same string has the
same verdict. Only ``is_valid_id`` adds to it; a ``str`` that is in it need not be judged again."""
_MAX_FOUND: Final = 8192
_JUDGED = 2 * MAX_LENGTH  # the template pattern takes quadratic time, and hostile text may be long


def is_valid_id(value: object) -> bool:
    """Whether ``value`` may be an id. Never raises."""
    if type(value) is not str:
        return False
    if value in FOUND_VALID:
        return True
    if _VALID(value) is None:
        return False
    if len(FOUND_VALID) >= _MAX_FOUND:
        FOUND_VALID.clear()
    FOUND_VALID.add(value)
    return True


def check_id(field: str, value: object) -> None:
    """Refuse ``value`` as the id called ``field``.

    Raises ``InvalidContextError``: a placeholder's message contains ``Forbidden placeholder values``; a format fault names
    the field and the rule.
    """
    if is_valid_id(value):
        return
    shown = repr(value if len(str(value)) <= _SHOWN else str(value)[:_SHOWN] + "…")
    if isinstance(value, str) and _PLACEHOLDER.match(value[:_JUDGED]) is not None:
        raise InvalidContextError(
            f"Forbidden placeholder values: {field}={shown} is a placeholder, not an id",
            point=validation.ID_PLACEHOLDER,
            field=field,
        )
    rule = "must be a non-empty string" if not isinstance(value, str) or not value else _broken_rule(value)
    raise InvalidContextError(f"Invalid id: {field}={shown} {rule}", point=validation.ID_FORMAT, field=field)


def _broken_rule(value: str) -> str:
    if len(value) > MAX_LENGTH:
        return f"has {len(value)} characters; the limit is {MAX_LENGTH}"
    return "must be of the form [A-Za-z0-9][A-Za-z0-9._:-]* (ASCII)"


def mint(kind: str, now_ms: int, entropy: bytes) -> str:
    """Make an id: ``kind``, 48 bits of time, then ``entropy`` (10 bytes make it unguessable). Sorts by time.

    ``kind`` is a short lower-case word such as ``run`` or ``thr``.
    """
    return f"{kind}_{(now_ms.to_bytes(6) + entropy).hex()}"
