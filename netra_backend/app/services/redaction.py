"""Removes secrets from events, logs and audit rows.

Two signs of a secret: the name it stands under (``password``, ``apiKey``) and its own shape (a JWT, ``sk-…``, a private
key). Better one word too many is hidden than one secret shown; but counts such as ``input_tokens`` stay.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final

SHOWN: Final = "***"
MAX_DEPTH: Final = 8
MAX_ITEMS: Final = 2_000
MOST_BITS: Final = 14_000
"""Of a whole number that has a JSON: the interpreter writes and reads no more than 4,300 digits, for it takes their square."""

_CUT: Final = "…"
_SHORTEST_SHAPE: Final = 15
_SHORTEST_TEXT: Final = 7

_SECRET_LAST_WORDS: Final = frozenset(
    {
        "apikey", "auth", "authentication", "authorization", "bearer", "cookie", "cookies", "credential", "credentials", "jwt",
        "passphrase", "passwd", "password", "passwords", "pwd", "secret", "secrets", "ticket", "tickets", "token",
    }
)  # fmt: skip
_SECRET_KINDS: Final = frozenset({"access", "api", "client", "encryption", "private", "secret", "shared", "signing"})
_TOKEN_KINDS: Final = frozenset({"access", "api", "auth", "bearer", "id", "refresh", "session"})

_WORD_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_SECRETS: Final = re.compile(
    "|".join(
        (
            # PEM with headers (RFC 1421) and PGP's blocks, too; without an end, all that follows.
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*+"
            r"(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
            # JWT; JWE, whose second part may be empty. Begins where a run of such letters does, and never looks at a run twice:
            # without that, a text of many beginnings and no end takes the square of its length.
            r"(?<![\w-])(?>(?P<before>(?:[\w-]*?-)??)eyJ)[\w-]{4,}+\.(?:[\w-]{2,}+|(?=\.[\w-]{2}))(?:\.[\w-]*+)*+",
            r"\b(?:sk|pk|rk|ak)[-_][\w-]{12,}",  # model and payment providers
            r"\bgh[opsur]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}",
            r"\bxox[a-z]-[\w-]{10,}",
            r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
            r"\bAIza[\w-]{30,}",
            r"\bhf_\w{16,}",
        )
    )
)
_QUOTE: Final = r"\\{0,8}[\"']"
"""A quotation mark of JSON, also where the JSON stands in a text of another JSON."""

_NAMED: Final = re.compile(
    r"(?i)(?P<name>"
    r"\bbearer[\s.:=]+(?=\S{8})"
    rf"|\bauthorization(?:{_QUOTE})?\s{{0,4}}[:=]\s{{0,4}}(?:{_QUOTE})?(?:[a-z]{{1,16}}\s+)?"
    r"|(?:passw(?:or)?d|passphrase|secret(?:[-_]?(?:access[-_]?)?key)?|api[-_]?key|private[-_]?key)"
    rf"(?:{_QUOTE})?\s{{0,4}}[:=]\s{{0,4}}(?:{_QUOTE})?"
    rf"|(?:token|ticket)(?:=|{_QUOTE}\s{{0,4}}:\s{{0,4}}(?:{_QUOTE})?|:\s{{0,4}}(?=\S{{16}}))"  # "cost per token: low" is none
    rf")(?P<value>(?:[^\s\"'&;,<>\\]|\\(?!\\{{0,8}}[\"'])){{4,}})"
)
_COOKIES: Final = re.compile(
    rf"(?i)(?P<name>\b(?:set-)?cookie(?:{_QUOTE})?\s{{0,4}}:\s{{0,4}}(?:{_QUOTE})?)(?=[\w!#$%&*+.^`|~-]{{1,64}}=)[^\r\n\"'\\]+"
)
_IN_ADDRESS: Final = re.compile(r"(?<=://)[^\s/@:]{0,256}:[^\s/@]{1,256}(?:@[^\s/@\"'<>,;]{1,128}){0,8}(?=@)")

# A text without any of these cannot match, and looking for them costs a tenth of matching; a pattern of all of them would
# cost more than that, and the more the longer the text.
_SECRET_MARKS: Final = ("eyJ", "k-", "k_", "PRIVATE KEY", "gh", "glpat-", "xox", "AKIA", "ASIA", "AIza", "hf_")
_NAME_MARKS: Final = ("token", "ticket", "pass", "secret", "api", "bearer", "authorization", "private", "cookie")
_MARKS: Final = ("@", *map(str.lower, _SECRET_MARKS), *_NAME_MARKS)


def redact(value: Any, secret_names: Collection[str] = ()) -> Any:
    """``value`` as plain JSON with secrets replaced by ``***``; deeper or longer than the bounds it is cut with ``…``.

    What stands under one of ``secret_names``, or under a name that says secret, is hidden whatever it is.
    """
    names = secret_names if isinstance(secret_names, frozenset) else frozenset(secret_names)
    return _redacted(value, names, MAX_DEPTH, [MAX_ITEMS])


def redact_text(text: str) -> str:
    """``text`` with what has the shape of a secret replaced."""
    if len(text) < _SHORTEST_TEXT:
        return text
    lowered = text.lower()
    if not any(map(lowered.__contains__, _MARKS)):
        return text
    if any(map(text.__contains__, _SECRET_MARKS)):
        text = _SECRETS.sub(rf"\g<before>{SHOWN}", text)
    if any(map(lowered.__contains__, _NAME_MARKS)):
        text = _NAMED.sub(rf"\g<name>{SHOWN}", text)
        text = _COOKIES.sub(rf"\g<name>{SHOWN}", text)
    if "@" in text:
        text = _IN_ADDRESS.sub(SHOWN, text)
    return text


def redact_shapes(value: Any) -> Any:
    """Plain JSON with what has the shape of a secret replaced, in any text and name; whole, and the same object if there is none.

    A value is not hidden for the name that it stands under: what a tool answers may well be called a ticket.
    """
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        shown = {_redacted_name(name): redact_shapes(item) for name, item in value.items()}
        same = all(map(operator.is_, shown.values(), value.values())) and shown.keys() == value.keys()
        return value if same else shown
    if isinstance(value, list):
        items = list(map(redact_shapes, value))
        return value if all(map(operator.is_, items, value)) else items
    return value


def _redacted_name(name: str) -> str:
    return name if len(name) < _SHORTEST_SHAPE and name.isidentifier() else redact_text(name)


def is_too_long(value: Any) -> bool:
    """Whether plain JSON holds a whole number of more than ``MOST_BITS``."""
    if isinstance(value, str):  # most values are: the rest need not be asked
        return False
    if isinstance(value, int):
        return value.bit_length() > MOST_BITS
    if isinstance(value, (dict, Mapping)):  # ``dict`` first: asking an abstract class costs more than the rest
        return any(map(is_too_long, value.values()))
    return isinstance(value, list | tuple | set | frozenset) and any(map(is_too_long, value))


def is_secret_name(name: str) -> bool:
    """Whether a value of that name is a secret by its name: ``apiKey``, ``db_password``; not ``input_tokens``."""
    return _says_secret(name[-64:])


@lru_cache(maxsize=4096)
def _says_secret(name: str) -> bool:
    words = [word.lower() for word in _WORD_BORDER.split(name) if word]
    if not words:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    return (
        last in _SECRET_LAST_WORDS
        or (last in {"key", "keys"} and before in _SECRET_KINDS)
        or (last == "tokens" and before in _TOKEN_KINDS)
    )


def _redacted(value: Any, secret_names: frozenset[str], depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, int):
        return value if value.bit_length() <= MOST_BITS else _CUT
    if value is None or isinstance(value, float):
        return value
    if depth == 0 or left[0] <= 0:
        return _CUT
    if isinstance(value, (dict, Mapping)):
        shown: dict[str, Any] = {}
        for name, item in value.items():
            if left[0] <= 0:
                shown[_CUT] = _CUT
                break
            text = str(name)
            is_secret = text in secret_names or is_secret_name(text)
            hidden = is_secret and item is not None
            shown[_redacted_name(text)] = SHOWN if hidden else _redacted(item, secret_names, depth - 1, left)
        return shown
    if isinstance(value, list | tuple | set | frozenset):
        items: list[Any] = []
        for item in value:
            if left[0] <= 0:
                items.append(_CUT)
                break
            items.append(_redacted(item, secret_names, depth - 1, left))
        return items
    return redact_text(str(value))
