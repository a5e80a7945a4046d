"""What the head of a request must be before anybody looks at what it asks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ...core import validation
from ...core.errors import FrameRefused, LimitRefused

_is_host: Final = re.compile(
    rb"(?:(?:[A-Za-z0-9._~!$&()*+;=-]|%[0-9A-Fa-f]{2})++|\[[0-9A-Fa-f:.]++\])(?::[0-9]{0,5}+)?"
).fullmatch


def check_head(size: int, most: int) -> None:
    """Raises ``FrameRefused`` if request line and headers are more than ``most`` bytes."""
    if size > most:
        raise FrameRefused(
            f"The request's head is too large: the limit is {most:,} bytes.",
            kind="payload_too_large",
            point=validation.HTTP_HEAD_SIZE,
        )


def check_fields(count: int, most: int) -> None:
    """Raises ``FrameRefused`` if a request has more than ``most`` headers: each has its cost, however short it is."""
    if count > most:
        raise FrameRefused(
            f"The request has too many headers: the limit is {most}.",
            kind="payload_too_large",
            point=validation.HTTP_HEAD_FIELDS,
        )


def check_pipeline(waiting: int, most: int) -> None:
    """Raises ``LimitRefused`` if more than ``most`` requests of one connection wait for the answer to the one before."""
    if waiting > most:
        raise LimitRefused("Too many requests wait in this connection.", point=validation.HTTP_PIPELINE)


def check_host(headers: Sequence[tuple[bytes, bytes]], version: str) -> None:
    """Raises ``FrameRefused`` unless a request names one host (RFC 9112, 3.2), by a name or an address and perhaps a port (RFC
    3986, 3.2.2), without commas and quotation marks; HTTP/1.0 may name none."""
    hosts = [value.strip() for name, value in headers if name == b"host"]
    is_named = len(hosts) == 1 and _is_host(hosts[0]) is not None
    if not is_named and (hosts or version == "1.1"):
        raise FrameRefused("A request names exactly one host.", field="Host", point=validation.HTTP_HOST)


def declared_length(headers: Sequence[tuple[bytes, bytes]]) -> int:
    """How long the body is said to be; 0 if nothing is said, or nothing that could be believed."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 16 else 0
    return 0
