"""Answers as server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

from ..http.endpoint import encode_json
from ..http.ndjson import PartsResponse

EVENT_STREAM: Final = "text/event-stream"
DONE: Final = b"data: [DONE]\n\n"
"""The end, in protocols that say it."""
COMMENT: Final = b":\n\n"
"""Keeps what is between from taking the stream for dead."""
_HEADERS: Final = {"Content-Type": EVENT_STREAM, "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def data(value: Any) -> bytes:
    """One event with JSON."""
    return b"data: " + encode_json(value) + b"\n\n"


class EventStream(PartsResponse):
    """Events from a generator, as ``PartsResponse`` has parts. Leaving it stops no run."""

    def __init__(
        self, events: AsyncGenerator[bytes, None], ended: Callable[[], None], headers: Mapping[str, str]
    ) -> None:
        super().__init__(events, ended, headers={**_HEADERS, **headers})
