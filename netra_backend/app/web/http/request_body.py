"""The bodies of requests, bounded in size and patience."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request

from ...core import validation
from ...core.errors import FrameRefused

MAX_JSON_BYTES: Final = 16_384

Shape = TypeVar("Shape")


async def parts_of(
    request: Request, most: int, idle_s: float, hint: str = "Send less at once."
) -> AsyncIterator[bytes]:
    """The body as it comes: at most ``most`` bytes, and never ``idle_s`` seconds without any. Raises ``FrameRefused``."""
    parts = request.stream().__aiter__()
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() and len(declared) < 20 else 0
    received = 0
    while True:
        if max(size, received) > most:
            raise FrameRefused(
                f"The request body is too large: the limit is {most:,} bytes.",
                kind="payload_too_large",
                hint=hint,
                point=validation.HTTP_BODY_SIZE,
            )
        try:
            async with asyncio.timeout(idle_s):
                part = await anext(parts, None)
        except TimeoutError:
            part = b""
            _refuse_slow(idle_s)
        if part is None:
            return
        received += len(part)
        yield part


def _refuse_slow(idle_s: float) -> None:
    raise FrameRefused(f"No data arrived for {idle_s:g} seconds.", kind="too_slow", point=validation.HTTP_BODY_IDLE)


async def json_of(request: Request, shape: type[Shape], idle_s: float, *, without: Shape | None = None) -> Shape:
    """The body as one JSON value of that type; ``without`` if there is no body. Raises ``FrameRefused`` with the field that
    does not fit."""
    body = b"".join([part async for part in parts_of(request, MAX_JSON_BYTES, idle_s)])
    if not body and without is not None:
        return without
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as fault:
        problem = str(fault)
    field = problem.rpartition("`$.")[2].rstrip("`")[:128] if "`$." in problem else None
    raise FrameRefused(
        f"The request body is not valid: {problem[:200]}.",
        field=field,
        hint="See /openapi.json for the fields of this request.",
        point=validation.HTTP_BODY_JSON,
    )
