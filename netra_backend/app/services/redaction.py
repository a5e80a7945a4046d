"""Removes secrets from events, logs and audit rows.

Two signs of a secret: the name it stands under (``password``, ``apiKey``) and its own shape (a JWT, ``sk-…``, a private
key). Better one word too many is hidden than one secret shown; but counts such as ``input_tokens`` stay.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final

from .text_redaction import FULL, SHOWN, WINDOW, Pace, Sliced, at_once, has_candidates, text_redaction

MAX_DEPTH: Final = 8
MAX_ITEMS: Final = 2_000
MOST_BITS: Final = 14_000
"""Of a whole number that has a JSON: the interpreter writes and reads no more than 4,300 digits, for it takes their square."""

CUT: Final = "…"
"""What stands in the place of what is not shown, for it is too much."""

_CONTAINERS: Final = (dict, Mapping, list, tuple, set, frozenset)
_SHORTEST_NAME: Final = 15
_SHORTEST_TEXT: Final = 7
_SHORT_TEXT: Final = 1_024
_ITEM_WORK: Final = 32
"""What an item of a list or an object costs besides its characters."""

_SECRET_LAST_WORDS: Final = frozenset(
    {
        "apikey", "auth", "authentication", "authorization", "bearer", "cookie", "cookies", "credential", "credentials", "jwt",
        "passphrase", "passwd", "password", "passwords", "pwd", "secret", "secrets", "ticket", "tickets", "token",
    }
)  # fmt: skip
_SECRET_KINDS: Final = frozenset({"access", "api", "client", "encryption", "private", "secret", "shared", "signing"})
_TOKEN_KINDS: Final = frozenset({"access", "api", "auth", "bearer", "id", "refresh", "session"})

_SECRET_RESULTS: Final = frozenset(
    {"apikey", "authorization", "passphrase", "passwd", "password", "pwd", "secret", "credential"}
)
_ONE: Final = "one"
_MANY: Final = "many"
_TOKEN: Final = "token"  # noqa: S105  # no secret: a kind of one
_SHORTEST_TOKEN: Final = 16
_LONGEST_NAME: Final = 64

_WORD_BORDER: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9.,_]{0,40}\Z")


def redact(value: Any, secret_names: Collection[str] = (), *, opened: bool = False) -> Any:
    """``value`` as plain JSON with secrets replaced by ``***``; deeper or longer than the bounds it is cut with ``…``.

    What stands under one of ``secret_names``, or under a name that says secret, is hidden whatever it is. ``opened``: for who
    decides about all of it. Only the ``secret_names`` of the outermost object are such then. Elsewhere what is under a name that
    says secret is hidden if it is a text or a number, or one in a list; the members of an object are judged by their own names.
    """
    return at_once(redaction(value, secret_names, opened=opened))


def redaction(value: Any, secret_names: Collection[str] = (), *, opened: bool = False) -> Sliced[Any]:
    """``redact`` in slices."""
    names = secret_names if isinstance(secret_names, frozenset) else frozenset(secret_names)
    return _redacted(value, names, MAX_DEPTH, [MAX_ITEMS], Pace(), opened, False)


def redact_text(text: str) -> str:
    """``text`` with what has the shape of a secret replaced."""
    if len(text) < _SHORTEST_TEXT or (len(text) <= WINDOW and not has_candidates(text)):
        return text
    return at_once(text_redaction(text, Pace()))


def result_redaction(value: Any) -> Sliced[Any]:
    """Plain JSON with what has the shape of a secret replaced, in any text and name, and what stands under a name that says
    secret; whole, and the same object if there is none. In slices.

    It judges names more narrowly than ``redact``: what a tool answers may well be called a ticket, and a count is no secret.
    """
    return _result(value, Pace(), "")


def _result(value: Any, pace: Pace, under: str) -> Sliced[Any]:
    if isinstance(value, str):
        return SHOWN if under and _is_secret_text(value, under) else (yield from _text(value, pace))
    if isinstance(value, dict):
        shown: dict[str, Any] = {}
        same = True
        for name, item in value.items():
            pace.work += _ITEM_WORK
            if pace.work > FULL:
                yield pace.pause()
            named = name if len(name) < _SHORTEST_NAME and name.isidentifier() else (yield from _text(name, pace))
            if item is None or isinstance(item, bool):
                told = item
            else:
                says = under or _secret_of_result(name[-_LONGEST_NAME:])
                if not says and _is_plain(item, pace):
                    told = item
                else:
                    told = yield from _result(item, pace, says)
            same = same and told is item and named == name
            shown[named] = told
        return value if same else shown
    if isinstance(value, list):
        items: list[Any] = []
        same = True
        for item in value:
            pace.work += _ITEM_WORK
            if pace.work > FULL:
                yield pace.pause()
            told = item if not under and _is_plain(item, pace) else (yield from _result(item, pace, under))
            same = same and told is item
            items.append(told)
        return value if same else items
    if under == _ONE and isinstance(value, int | float) and not isinstance(value, bool):
        return SHOWN
    return value


def _is_secret_text(text: str, under: str) -> bool:
    if under == _TOKEN:
        return len(text) >= _SHORTEST_TOKEN and not any(map(str.isspace, text[:_LONGEST_NAME]))
    return text != "" and not (under == _MANY and _NUMBER.match(text))


def _is_plain(value: Any, pace: Pace) -> bool:
    """Whether this is a number, or a short text without anything that may begin a secret: most values are, and cost no slice of
    their own."""
    kind = type(value)
    if kind is not str:
        return kind is int or kind is float
    size = len(value)
    if size < _SHORTEST_TEXT:
        return True
    if size > _SHORT_TEXT:
        return False
    pace.work += 3 * size
    return not has_candidates(value)


def _text(text: str, pace: Pace) -> Sliced[str]:
    if len(text) <= WINDOW:
        pace.work += 3 * len(text)
        if pace.work > FULL:
            yield pace.pause()
        if len(text) < _SHORTEST_TEXT or not has_candidates(text):
            return text
    return (yield from text_redaction(text, pace))


def is_too_long(value: Any) -> bool:
    """Whether plain JSON holds a whole number of more than ``MOST_BITS``, as a value or a name."""
    if isinstance(value, str):  # most values are: the rest need not be asked
        return False
    if isinstance(value, int):
        return value.bit_length() > MOST_BITS
    if isinstance(value, (dict, Mapping)):  # ``dict`` first: asking an abstract class costs more than the rest
        return any(map(is_too_long, value.values())) or any(map(is_too_long, value))
    return isinstance(value, list | tuple | set | frozenset) and any(map(is_too_long, value))


def is_secret_name(name: str) -> bool:
    """Whether a value of that name is a secret by its name: ``apiKey``, ``db_password``; not ``input_tokens``."""
    return _says_secret(name[-_LONGEST_NAME:])


@lru_cache(maxsize=4096)
def _says_secret(name: str) -> bool:
    last, before = _last_words(name)
    return (
        last in _SECRET_LAST_WORDS
        or (last in {"key", "keys"} and before in _SECRET_KINDS)
        or (last == "tokens" and before in _TOKEN_KINDS)
    )


@lru_cache(maxsize=4096)
def _secret_of_result(name: str) -> str:
    """What a result has under this name: ``_ONE`` secret, ``_MANY``, a ``_TOKEN`` if it looks like one, or none (``""``)."""
    last, before = _last_words(name)
    if (
        last in _SECRET_RESULTS
        or (last == "key" and before in _SECRET_KINDS)
        or (last == "token" and before in _TOKEN_KINDS)
    ):
        return _ONE
    if last in {"keys", "tokens", "passwords", "secrets", "credentials"} and _says_secret(name):
        return _MANY
    return _TOKEN if last in {"token", "cookie", "cookies"} else ""


def _last_words(name: str) -> tuple[str, str]:
    words = [word.lower() for word in _WORD_BORDER.split(name) if word]
    return (words[-1] if words else "", words[-2] if len(words) > 1 else "")


def _is_open(item: Any, is_named: bool) -> bool:
    return not is_named and isinstance(item, _CONTAINERS)


def _redacted(
    value: Any, secret_names: frozenset[str], depth: int, left: list[int], pace: Pace, opened: bool, under: bool
) -> Sliced[Any]:
    """``under``: it is opened, and in a list under a name that says secret."""
    left[0] -= 1
    pace.work += _ITEM_WORK
    if pace.work > FULL:
        yield pace.pause()
    if under and value is not None and not isinstance(value, _CONTAINERS):
        return SHOWN
    if isinstance(value, str):
        return (yield from _text(value, pace))
    if isinstance(value, int):
        return value if value.bit_length() <= MOST_BITS else CUT
    if value is None or isinstance(value, float):
        return value
    if depth == 0 or left[0] <= 0:
        return CUT
    if isinstance(value, (dict, Mapping)):
        shown: dict[str, Any] = {}
        for name, item in value.items():
            if left[0] <= 0:
                shown[CUT] = CUT
                break
            text = _written(name)
            hidden = item is not None and (text in secret_names or is_secret_name(text))
            named = text if len(text) < _SHORTEST_NAME and text.isidentifier() else (yield from _text(text, pace))
            if hidden and not (opened and _is_open(item, depth == MAX_DEPTH and text in secret_names)):
                shown[named] = SHOWN
            elif type(item) is str and _is_plain(item, pace):
                left[0] -= 1
                shown[named] = item
            else:
                shown[named] = yield from _redacted(item, secret_names, depth - 1, left, pace, opened, hidden)
        return shown
    if isinstance(value, list | tuple | set | frozenset):
        items: list[Any] = []
        for item in value:
            if left[0] <= 0:
                items.append(CUT)
                break
            items.append((yield from _redacted(item, secret_names, depth - 1, left, pace, opened, under)))
        return items
    return (yield from _text(_written(value), pace))


def _written(value: Any) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):  # a number of more digits than Python writes; what holds itself
        return CUT
