"""The access log: one line for each HTTP request and for each WebSocket that has ended; no query strings and no tokens."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from ...core.settings_values import Network
from ...ports import Clock
from .client_address import client_address

Scope = dict[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]

USER: Final = "netra.user"
"""Where an endpoint leaves the signed-in user's id in the request's scope."""

_LOG: Final = logging.getLogger("netra.access")
_PATH_CHARACTERS: Final = 512


class AccessLog:
    """An ASGI application for HTTP around another: logs each request when it has ended, and tells its client the request id.

    Below the level ``info`` nothing is measured and nothing is added.
    """

    def __init__(self, inner: Asgi, clock: Clock, mint: Callable[[str], str], proxies: Sequence[Network]) -> None:
        self._inner = inner
        self._clock = clock
        self._mint = mint
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _LOG.isEnabledFor(logging.INFO):
            await self._inner(scope, receive, send)
            return
        began = self._clock.monotonic()
        request_id = self._mint("req")
        has_body = scope["method"] != "HEAD"
        status: int | None = None
        sent = 0

        async def counting(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                message = {**message, "headers": headers}
            elif has_body:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._inner(scope, receive, counting)
        finally:
            duration_ms = round((self._clock.monotonic() - began) * 1000, 1)
            line = _line(scope, scope["method"], status, duration_ms, sent, scope.get(USER), request_id)
            _LOG.info("request", extra=line | {"client": client_address(scope, self._proxies)})


class SocketEnd:
    """How one WebSocket ended. ``status`` is that of its handshake, ``close_code`` the one that it was closed with."""

    __slots__ = ("_began", "_clock", "close_code", "sent", "status", "user_id")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self.status = 101
        self.close_code: int | None = None
        self.sent = 0
        self.user_id: str | None = None

    def log(self, scope: Scope, mint: Callable[[str], str], proxies: Sequence[Network]) -> None:
        """Write its line, if the access log is on."""
        if not _LOG.isEnabledFor(logging.INFO):
            return
        duration_ms = round((self._clock.monotonic() - self._began) * 1000, 1)
        line = _line(scope, "GET", self.status, duration_ms, self.sent, self.user_id, mint("req"))
        more = {"close_code": self.close_code, "client": client_address(scope, proxies)}
        _LOG.info("websocket ended", extra=line | more)


def _line(
    scope: Scope, method: str, status: int | None, duration_ms: float, sent: int, user_id: str | None, request_id: str
) -> dict[str, Any]:
    """``status`` is null if the client was gone before there was an answer."""
    return {
        "method": method,
        "path": scope["path"][:_PATH_CHARACTERS],
        "status": status,
        "duration_ms": duration_ms,
        "bytes": sent,
        "user_id": user_id,
        "request_id": request_id,
    }
