"""Answers that are told as they come: in parts, or one JSON value a line."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from .endpoint import NDJSON, NO_STORE, encode_json


def encode_line(value: Any) -> bytes:
    """``value`` as one line of JSON."""
    return encode_json(value) + b"\n"


class PartsResponse(StreamingResponse):
    """Parts from a generator, which is closed, and ``ended`` called, however the answer ends."""

    def __init__(
        self, parts: AsyncGenerator[bytes, None], ended: Callable[[], None], *, headers: Mapping[str, str]
    ) -> None:
        super().__init__(parts, headers=headers)
        self._parts = parts
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            try:
                await self._parts.aclose()
            finally:
                self._ended()


class NdjsonResponse(PartsResponse):
    """Lines from a generator, as ``PartsResponse`` has parts."""

    def __init__(
        self, lines: AsyncGenerator[bytes, None], ended: Callable[[], None], *, file_name: str | None = None
    ) -> None:
        headers = {**NO_STORE, "Content-Type": NDJSON}
        if file_name is not None:
            headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
        super().__init__(lines, ended, headers=headers)
