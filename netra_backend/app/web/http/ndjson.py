"""Answers that are told as they come: in parts, or one JSON value a line."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from .anonymous_connections import CUT
from .endpoint import NDJSON, NO_STORE, encode_json


def encode_line(value: Any) -> bytes:
    """``value`` as one line of JSON."""
    return encode_json(value) + b"\n"


class PartsResponse(StreamingResponse):
    """Parts from a generator, which is closed, and ``ended`` called, however the answer ends.

    If they are fewer bytes than its ``Content-Length`` says, the connection ends with them, so that nobody takes them for all.
    """

    def __init__(
        self, parts: AsyncGenerator[bytes, None], ended: Callable[[], None] | None = None, *, headers: Mapping[str, str]
    ) -> None:
        super().__init__(parts, headers=headers)
        self._parts = parts
        self._is_whole = True
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
            if not self._is_whole:
                await _break_off(scope, receive)
        finally:
            try:
                await self._parts.aclose()
            finally:
                if self._ended is not None:
                    self._ended()

    async def stream_response(self, send: Send) -> None:
        declared = self.headers.get("content-length")
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        size = 0
        async for part in self._parts:
            size += len(part)
            await send({"type": "http.response.body", "body": part, "more_body": True})
        self._is_whole = declared is None or int(declared) == size
        if self._is_whole:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _break_off(scope: Scope, receive: Receive) -> None:
    """End the connection, and return when it is gone."""
    cut = scope.get("extensions", {}).get(CUT)
    if cut is not None:
        cut()
        while (await receive())["type"] != "http.disconnect":
            pass


class NdjsonResponse(PartsResponse):
    """Lines from a generator, as ``PartsResponse`` has parts."""

    def __init__(
        self, lines: AsyncGenerator[bytes, None], ended: Callable[[], None], *, file_name: str | None = None
    ) -> None:
        headers = {**NO_STORE, "Content-Type": NDJSON}
        if file_name is not None:
            headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
        super().__init__(lines, ended, headers=headers)
