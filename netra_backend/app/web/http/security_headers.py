"""Around all of HTTP: origins of other pages, and the headers that keep a browser careful."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from ...config import Settings
from ...core.settings_values import origin_of
from ...services.credentials import header

Scope = dict[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]

_CAREFUL: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""What a response has unless it says otherwise."""

_METHODS: Final = b"GET, POST, PUT, PATCH, DELETE"
_MAX_AGE: Final = b"600"


class SecurityHeaders:
    """An ASGI application around another. Pages of the origins on the operator's list may read answers, and no others."""

    def __init__(self, inner: Asgi, settings: Settings) -> None:
        self._inner = inner
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = self._listed_origin(scope)

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                present = {name.lower() for name, _ in headers}
                headers += [(name, value) for name, value in _CAREFUL if name not in present]
                message = {**message, "headers": headers + self._of_origin(origin)}
            await send(message)

        if origin is not None and self._is_preflight(scope):
            await self._answer_preflight(careful)
        else:
            await self._inner(scope, receive, careful)

    def _listed_origin(self, scope: Scope) -> bytes | None:
        given = header(scope, b"origin") if self._settings.allowed_origins else None
        listed = given is not None and origin_of(given) in self._settings.allowed_origins
        return given.encode("latin-1") if given is not None and listed else None

    def _of_origin(self, origin: bytes | None) -> list[tuple[bytes, bytes]]:
        vary = [(b"vary", b"Origin")] if self._settings.allowed_origins else []
        if origin is None:
            return vary
        return [
            *vary,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", b"Retry-After, Content-Disposition"),
        ]

    @staticmethod
    def _is_preflight(scope: Scope) -> bool:
        return scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method") is not None

    @staticmethod
    async def _answer_preflight(send: Send) -> None:
        headers = [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", b"Authorization, Content-Type, Accept"),
            (b"access-control-max-age", _MAX_AGE),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
