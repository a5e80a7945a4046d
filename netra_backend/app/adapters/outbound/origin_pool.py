"""HTTP/1.1 to one origin: connected to an address that was judged, never to another host, and bounded in every answer."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpcore

from ...core.errors import DependencyUnavailable
from .destinations import Destinations

_CONNECTIONS: Final = 4
_PORTS: Final = {"http": 80, "https": 443}
_ENCODING: Final = b"content-encoding"


class Answer(NamedTuple):
    """``chunks`` raises ``DependencyUnavailable`` if there is too much of it, or it breaks off. Close it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    chunks: AsyncIterator[bytes]
    response: httpcore.Response

    async def close(self) -> None:
        await self.response.aclose()


class NotConnected(DependencyUnavailable):
    """Nothing was sent."""


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()  # takes 20 ms, and is the same for all


class _ToAllowed(httpcore.AsyncNetworkBackend):
    """Connects to an allowed address of the host; the name stays the one that its certificate is held against."""

    def __init__(self, destinations: Destinations, owner: str, is_encrypted: bool) -> None:
        self._destinations = destinations
        self._owner = owner
        self._is_encrypted = is_encrypted
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # as httpcore calls it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._destinations.addresses(self._owner, host, is_encrypted=self._is_encrypted)
        for left, address in enumerate(reversed(addresses)):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == len(addresses) - 1:
                    raise
        raise AssertionError("there is an address")


class OriginPool:
    """The connections of one caller to one origin, for ``owner``. ``silence_s`` bounds each wait for the other side,
    ``most_bytes`` the body of an answer, which is never compressed; its head has at most 100 KiB."""

    def __init__(self, url: str, destinations: Destinations, owner: str, *, silence_s: float, most_bytes: int) -> None:
        parts = urlsplit(url)
        self._origin = (parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
        self._most_bytes = most_bytes
        self._timeouts = dict.fromkeys(("connect", "read", "write", "pool"), silence_s)
        is_encrypted = parts.scheme == "https"
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_trusted() if is_encrypted else None,
            max_connections=_CONNECTIONS,
            keepalive_expiry=5.0,
            network_backend=_ToAllowed(destinations, owner, is_encrypted),
        )

    async def send(
        self, method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes, *, silence_s: float | None = None
    ) -> Answer:
        """Send a request to this origin. Raises ``EgressRefused``, and ``DependencyUnavailable``: ``NotConnected`` if nothing was
        sent."""
        parts = urlsplit(url)
        origin = (parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
        if origin != self._origin:
            raise NotConnected("The server sent the request to another host, which is not asked.")
        timeouts = self._timeouts if silence_s is None else {**self._timeouts, "read": silence_s}
        request = httpcore.Request(
            method,
            url,
            headers=[
                *(each for each in headers if each[0].lower() != b"accept-encoding"),
                (b"Accept-Encoding", b"identity"),
            ],
            content=body,
            extensions={"timeout": timeouts},
        )
        try:
            response = await self._pool.handle_async_request(request)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as fault:
            raise NotConnected("The server cannot be reached.") from fault
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as fault:
            raise DependencyUnavailable(f"The server did not answer ({type(fault).__name__}).") from fault
        try:
            for name, value in response.headers:
                if name.lower() == _ENCODING and value.lower() != b"identity":
                    raise DependencyUnavailable("The server compressed its answer, which it was asked not to do.")
        except DependencyUnavailable:
            await response.aclose()
            raise
        return Answer(response.status, response.headers, self._bounded(response), response)

    async def _bounded(self, response: httpcore.Response) -> AsyncIterator[bytes]:
        left = self._most_bytes
        try:
            async for chunk in response.aiter_stream():
                left -= len(chunk)
                if left < 0:
                    raise DependencyUnavailable(f"The server's answer has more than {self._most_bytes:,} bytes.")
                yield chunk
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as fault:
            raise DependencyUnavailable(f"The server's answer broke off ({type(fault).__name__}).") from fault

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()
