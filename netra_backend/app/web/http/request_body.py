"""The bodies of requests, bounded in size and patience."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request

from ...core import validation
from ...core.errors import FrameRefused
from ...core.limits import Limits
from .request_head import declared_length

Shape = TypeVar("Shape")
_MARGIN_S: Final = 0.01


async def parts_of(
    request: Request, limits: Limits, most: int, within_s: float, hint: str = "Send less at once."
) -> AsyncIterator[bytes]:
    """The body as it comes: at most ``most`` bytes within ``within_s`` seconds, never ``body_idle_s`` without any, and after
    ``body_grace_s`` not slower than ``body_rate``. What came faster pays for pauses of ``body_idle_s`` in all, and no more: slots
    are for what moves. Time in which the parts are not asked for does not count against the rate. Raises ``FrameRefused``."""
    parts = request.stream().__aiter__()
    size = declared_length(request.headers.raw)
    now = asyncio.get_running_loop().time
    until = now() + within_s
    received, waited, ahead_s = 0, 0.0, 0.0
    while True:
        if max(size, received) > most:
            raise FrameRefused(
                f"The request body is too large: the limit is {most:,} bytes.",
                kind="payload_too_large",
                hint=hint,
                point=validation.HTTP_BODY_SIZE,
            )
        _check_rate(waited, ahead_s, limits)
        asked = now()
        _check_deadline(asked, until, within_s)
        # Of a drip, each part ends a wait: the next one is bounded by what the rate allows, too.
        owed_s = max(limits.body_grace_s - waited, ahead_s)
        try:
            async with asyncio.timeout(min(limits.body_idle_s, until - asked, max(owed_s, 0.0) + _MARGIN_S)):
                part = await anext(parts, None)
        except TimeoutError:
            paused_s = now() - asked
            _check_rate(waited + paused_s, ahead_s - paused_s, limits)
            _check_deadline(now(), until, within_s)
            part = b""
            _refuse_slow(limits.body_idle_s)
        if part is None:
            return
        paused_s = now() - asked
        waited += paused_s
        received += len(part)
        ahead_s = min(ahead_s - paused_s + len(part) / limits.body_rate, limits.body_idle_s)
        yield part


def _check_rate(waited_s: float, ahead_s: float, limits: Limits) -> None:
    if waited_s > limits.body_grace_s and ahead_s < 0:
        raise FrameRefused(
            f"The request body arrives too slowly: the least is {limits.body_rate:g} bytes a second.",
            kind="too_slow",
            point=validation.HTTP_BODY_RATE,
        )


def _check_deadline(now: float, until: float, within_s: float) -> None:
    if now >= until:
        raise FrameRefused(
            f"The request body did not end within {within_s:g} seconds.",
            kind="too_slow",
            point=validation.HTTP_BODY_DEADLINE,
        )


def _refuse_slow(idle_s: float) -> None:
    raise FrameRefused(f"No data arrived for {idle_s:g} seconds.", kind="too_slow", point=validation.HTTP_BODY_IDLE)


async def json_of(request: Request, shape: type[Shape], limits: Limits, *, without: Shape | None = None) -> Shape:
    """The body as one JSON value of that type, of at most ``json_bytes``; ``without`` if there is no body. Raises
    ``FrameRefused`` with the field that does not fit."""
    body = await body_of(request, limits, limits.json_bytes)
    if not body and without is not None:
        return without
    return decoded(body, shape)


async def body_of(request: Request, limits: Limits, most: int) -> bytes:
    """The body, of at most ``most`` bytes. Raises ``FrameRefused``."""
    return b"".join([part async for part in parts_of(request, limits, most, limits.json_s)])


def decoded(body: bytes, shape: type[Shape]) -> Shape:
    """One JSON value of that type. Raises ``FrameRefused`` with the field that does not fit."""
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
