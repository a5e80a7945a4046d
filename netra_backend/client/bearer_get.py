"""One question to a server over HTTP, in the name of a token."""

from __future__ import annotations

import httpx

from .errors import Closed

_TIMEOUT_S = 10.0


async def bearer_get(url: str, path: str, token: str) -> httpx.Response:
    """The server's response, with any status. Raises ``Closed`` if the server cannot be reached."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as http:
            return await http.get(f"{url}{path}", headers={"Authorization": f"Bearer {token}"})
    except httpx.HTTPError as fault:
        raise Closed(1006, f"{url} cannot be reached: {fault or type(fault).__name__}.") from fault
