"""Answers as server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
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
    """Events as they come, and a comment whenever nothing has come for ``comment_s`` seconds; then ``ended`` is called. Whoever
    leaves it stops no run."""

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        comment_s: float,
        ended: Callable[[], None],
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(_with_comments(events, comment_s), ended, headers={**_HEADERS, **headers})


async def _with_comments(events: AsyncGenerator[bytes, None], comment_s: float) -> AsyncGenerator[bytes, None]:
    coming: asyncio.Task[bytes] | None = None
    try:
        while True:
            if coming is None:
                coming = asyncio.create_task(_next(events))
            done, _ = await asyncio.wait((coming,), timeout=comment_s)
            if not done:
                yield COMMENT
                continue
            event, coming = coming.result(), None
            if not event:
                return
            yield event
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait((coming,))
        await events.aclose()


async def _next(events: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(events, b"")
