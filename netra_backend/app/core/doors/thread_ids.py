"""Which thread a client of a door means. Its own id for a conversation may be any text, such as ``chat``, and another user's
client may have the same: each user's is a thread of that user's alone.

The id of such a thread is derived and kept nowhere: every process finds the same one. It has a mark of its owner, so nobody else
can claim it beforehand.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

MAX_CLIENT_ID: Final = 512
_PREFIX: Final = "thr_of-"
_form: Final = re.compile(rf"{_PREFIX}([a-z2-7]{{26}})[a-z2-7]{{32}}").fullmatch


def alias(owner: str, protocol: str, client_id: str) -> str:
    """The id of the owner's thread that clients of this protocol call ``client_id``."""
    return _PREFIX + _mark(owner) + _digest(f"{owner}\0{protocol}\0{client_id}", 20)


def is_of_another(thread_id: str, owner: str) -> bool:
    """Whether only another user's client can mean this thread."""
    found = _form(thread_id)
    return found is not None and found[1] != _mark(owner)


def _mark(owner: str) -> str:
    return _digest(f"door\0{owner}", 16)


def _digest(text: str, size: int) -> str:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()
    return base64.b32encode(digest).decode().rstrip("=").lower()
