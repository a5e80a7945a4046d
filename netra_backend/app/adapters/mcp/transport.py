"""The HTTP of one session: to its server's origin alone, with its credential, bounded, and never raising into the SDK.

A request that the server refuses as unauthenticated is sent once more, if there is another credential by then.

An answer that cannot be had reaches the SDK as one with status 502, so that one request fails and not the session. Why is
in ``fault`` until it is taken.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2

from ...core.errors import DependencyUnavailable, EgressRefused, ToolError
from ...mcp_ports import Credential
from ..outbound.origin_pool import Answer, NotConnected, OriginPool

Fault = DependencyUnavailable | EgressRefused | ToolError

_UNANSWERED: Final = 502
_UNAUTHENTICATED: Final = 401
_NO_STREAM: Final = 405
_MOST_REQUESTS: Final = 1_000
"""Of one session: a server that has its client come back again and again gets no more."""


class BrokenOff(httpx2.StreamError):
    """The body of an answer ended before its end, or was too large."""


class SessionTransport(httpx2.AsyncBaseTransport):
    """``header`` and ``credential`` go with each request, if there is a header."""

    def __init__(self, pool: OriginPool, header: str, credential: Credential) -> None:
        self._pool = pool
        self._header = header.encode()
        self._credential = credential
        self._left = _MOST_REQUESTS
        self.fault: Fault | None = None

    def take_fault(self) -> Fault | None:
        """Why an answer could not be had, once."""
        fault, self.fault = self.fault, None
        return fault

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        resumed = "last-event-id" in request.headers
        if request.method == "GET" and not resumed:  # what a server says unasked is not listened to
            return httpx2.Response(_NO_STREAM)
        self._left -= 1
        headers = [each for each in request.headers.raw if each[0].lower() != self._header.lower()]
        try:
            if self._left < 0:
                raise DependencyUnavailable("The server had its client ask again too often.")
            body = await request.aread()
            answer = await self._sent(request.method, str(request.url), headers, body)
        except (DependencyUnavailable, EgressRefused, ToolError) as fault:
            self.fault = fault
            return httpx2.Response(_UNANSWERED)
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(self, answer))

    async def _sent(self, method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
        refused: list[str] = []
        value = await self._current(refused)
        while True:
            own = [(self._header, value.encode())] if self._header else []
            answer = await self._pool.send(method, url, [*headers, *own], body)
            if answer.status != _UNAUTHENTICATED:
                return answer
            refused.append(value)
            try:
                value = await self._current(refused)
            except BaseException:
                await answer.close()
                raise
            if value in refused:
                return answer
            await answer.close()

    async def _current(self, refused: list[str]) -> str:
        try:
            return await self._credential(refused)
        except DependencyUnavailable as fault:
            raise NotConnected(fault.message) from fault

    async def aclose(self) -> None:
        await self._pool.close()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, transport: SessionTransport, answer: Any) -> None:
        self._transport = transport
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.chunks:
                yield chunk
        except DependencyUnavailable as fault:
            self._transport.fault = fault
            raise BrokenOff(fault.message) from fault

    async def aclose(self) -> None:
        await self._answer.close()
