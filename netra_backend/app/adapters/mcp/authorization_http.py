"""The HTTP of an authorization: a request at a time, each to an address that was judged, with an answer that is bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx2

from ....distribution import NAME, version
from ...core.limits import Limits
from ..outbound.destinations import Destinations
from ..outbound.origin_pool import OriginPool

_MOST_BYTES: Final = 65_536


class AuthorizationHttp:
    """For ``owner``. No redirect is followed, and nothing is kept between two requests."""

    def __init__(self, owner: str, destinations: Destinations, limits: Limits) -> None:
        self._owner = owner
        self._destinations = destinations
        self._silence_s = limits.mcp_open_s
        self._most_bytes = min(_MOST_BYTES, limits.mcp_answer_bytes)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, wants_body: bool = True
    ) -> httpx2.Response:
        """The answer; without its body unless ``wants_body``. Raises ``EgressRefused``, ``DependencyUnavailable``."""
        pool = OriginPool(url, self._destinations, self._owner, silence_s=self._silence_s, most_bytes=self._most_bytes)
        request = httpx2.Request(method, url, headers={**headers, "User-Agent": f"{NAME}/{version()}"}, content=body)
        try:
            answer = await pool.send(method, url, request.headers.raw, body)
            try:
                content = b"".join([chunk async for chunk in answer.chunks]) if wants_body else b""
            finally:
                await answer.close()
        finally:
            await pool.close()
        return httpx2.Response(answer.status, headers=answer.headers, content=content)
