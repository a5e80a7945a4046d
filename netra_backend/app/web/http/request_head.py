"""What the head of a request must be before anybody looks at what it asks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ...core import validation
from ...core.errors import FrameRefused, LimitRefused

_KEY, _VERSION, _PROTOCOL = b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-protocol"
_is_key: Final = re.compile(rb"[A-Za-z0-9+/]{22}==").fullmatch
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_are_tokens: Final = re.compile(rb"%s(?:[ \t]*+,[ \t]*+%s)*+" % (_TOKEN, _TOKEN)).fullmatch
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
    3986, 3.2.2), without commas and quotation marks; HTTP/1.0 alone may name none."""
    hosts = [value.strip() for name, value in headers if name == b"host"]
    is_named = len(hosts) == 1 and _is_host(hosts[0]) is not None
    if not is_named and (hosts or version != "1.0"):
        raise FrameRefused("A request names exactly one host.", field="Host", point=validation.HTTP_HOST)


def check_handshake(headers: Sequence[tuple[bytes, bytes]], version: str) -> None:
    """Raises ``FrameRefused`` unless this is a WebSocket's opening handshake (RFC 6455, 4.2.1): HTTP/1.1, one key, version 13,
    tokens as sub-protocols, and ASCII in all that is about WebSockets."""
    names = [name for name, _ in headers]
    is_whole = version == "1.1" and names.count(_KEY) == 1 and names.count(_VERSION) == 1
    strange = next((name for name, value in headers if not _fits_handshake(name, value)), None)
    if not is_whole or strange is not None:
        raise FrameRefused(
            "This is no opening handshake of a WebSocket.",
            field=(strange or _KEY).decode(),
            point=validation.HTTP_HANDSHAKE,
        )


def _fits_handshake(name: bytes, value: bytes) -> bool:
    if name == _KEY:
        return _is_key(value.strip()) is not None
    if name == _VERSION:
        return value.strip() == b"13"
    if name == _PROTOCOL:
        return _are_tokens(value.strip()) is not None
    return value.isascii() or not (name in (b"connection", b"upgrade") or name.startswith(b"sec-websocket-"))


def declared_length(headers: Sequence[tuple[bytes, bytes]]) -> int:
    """How long the body is said to be; 0 if nothing is said, or nothing that could be believed."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 16 else 0
    return 0
