"""``/ws/{user_id}``: who is it, then a connection of theirs.

Origin, overload and an issuer whose keys cannot be had are refused before the upgrade (403, 503); faults of identity accept,
tell an error and close, so that a page can read the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ...config import Settings
from ...core.error_catalogue import CATALOGUE
from ...core.errors import AuthenticationRefused, DependencyUnavailable, LimitRefused, NetraError, Refusal
from ...core.frames import encode_frame, error_frame
from ...core.identity import Identity
from ...core.traffic import UserTraffic
from ...ports import Clock
from ...services.audit_trail import AuditTrail
from ...services.authentication import Authentication, check_path_user
from ...services.credentials import check_origin, read_credentials, use_of
from ...websocket_core.connection import Connection
from ...websocket_core.websocket_manager_factory import WebSocketManagerFactory
from ..http.access_log import SocketEnd
from ..http.anonymous_rate_limit import AnonymousRateLimit, GiveWay
from ..http.client_address import client_address
from ..http.problems import retry_after
from .asgi_wire import AsgiWire
from .connection_handler import ConnectionHandler
from .uvicorn_websocket import EXTENSION, DirectWire

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
PATH: Final = "/ws/"


class WebSocketEndpoint:
    """Serves one WebSocket at a call, from its handshake to its end."""

    def __init__(
        self,
        *,
        settings: Settings,
        authentication: Authentication,
        managers: WebSocketManagerFactory,
        handler: ConnectionHandler,
        audit_trail: AuditTrail,
        clock: Clock,
        mint: Callable[[str], str],
        anonymous: AnonymousRateLimit,
    ) -> None:
        self._settings = settings
        self._authentication = authentication
        self._managers = managers
        self._handler = handler
        self._audit_trail = audit_trail
        self._clock = clock
        self._mint = mint
        self._anonymous = anonymous

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        end = SocketEnd(self._clock)
        try:
            await self._from_handshake_to_end(scope, receive, send, end)
        finally:
            end.log(scope, self._mint, self._settings.trusted_proxies)

    async def _from_handshake_to_end(self, scope: dict[str, Any], receive: Receive, send: Send, end: SocketEnd) -> None:
        await receive()
        address = client_address(scope, self._settings.trusted_proxies)
        path_user = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix(PATH)
        try:
            check_origin(scope, self._settings.allowed_origins, self._settings.public_url)
        except AuthenticationRefused as refusal:
            if await self._has_budget(address, scope, send, end):
                self._audit_trail.record_refusal(None, refusal, address=address)
                await _reject(scope, send, 403, refusal, end)
            return
        if not self._handler.is_accepting:
            await _reject(scope, send, 503, None, end)
            return
        identity: Identity | None = None
        refusal_: NetraError | None = None
        subprotocol = None
        try:
            credentials = read_credentials(scope)
            subprotocol = credentials.subprotocol
            self._audit_trail.require_writable()
            identity = await self._authentication.identify(credentials, use_of(scope))
            if identity is not None:
                check_path_user(identity, path_user)
        except DependencyUnavailable as fault:
            await _reject(scope, send, 503, fault, end)
            return
        except NetraError as error:
            refusal_ = error
        if identity is None and not await self._has_budget(address, scope, send, end):
            return
        waiting = _WaitingSocket(self._anonymous, address)
        try:
            if identity is None and refusal_ is None:
                waiting.add(self._clock.monotonic())
        except LimitRefused as refusal:
            self._audit_trail.count_refusal(refusal)
            await _reject(scope, send, refusal.entry.status, refusal, end)
            return
        try:
            await send({"type": "websocket.accept", "subprotocol": subprotocol})
            if refusal_ is None:
                try:
                    await self._serve(scope, receive, send, path_user, identity, address, end, waiting)
                    return
                except Refusal as error:
                    refusal_ = error
        finally:
            waiting.drop()
        if isinstance(refusal_, Refusal):
            self._audit_trail.record_refusal(identity.user_id if identity else None, refusal_, address=address)
        await _turn_away(send, refusal_, end)

    async def _has_budget(self, address: str, scope: dict[str, Any], send: Send, end: SocketEnd) -> bool:
        """Count a handshake of nobody known; refuses it (429) and returns ``False`` where its address has had too many."""
        try:
            self._anonymous.take(address, self._clock.monotonic())
        except LimitRefused as refusal:
            self._audit_trail.count_refusal(refusal)  # and no row: they would push out all others
            await _reject(scope, send, 429, refusal, end)
            return False
        return True

    async def _serve(
        self,
        scope: dict[str, Any],
        receive: Receive,
        send: Send,
        path_user: str,
        identity: Identity | None,
        address: str,
        end: SocketEnd,
        waiting: _WaitingSocket,
    ) -> None:
        user_id = identity.user_id if identity is not None else path_user
        manager = await self._managers.create_websocket_manager(user_id, self._mint("thr"), self._mint("conn"))
        direct: DirectWire | None = scope.get("extensions", {}).get(EXTENSION)
        wire: DirectWire | AsgiWire = direct or AsgiWire(send)

        def signed_in(traffic: UserTraffic) -> None:
            wire.signed_in(traffic)
            waiting.signed_in()

        connection = self._handler.open(manager, wire, identity, address, signed_in)

        def give_way(refusal: LimitRefused) -> None:
            connection.refuse(refusal)
            connection.disconnect(refusal.entry.close_code or 1008, refusal.entry.id)

        waiting.when_it_gives_way(give_way)
        sending: asyncio.Task[None] | None = None
        try:
            wire.attach(connection)
            if isinstance(wire, AsgiWire):
                sending = asyncio.get_running_loop().create_task(wire.send_all())
            end.close_code = await _listen(connection, receive, self._settings.limits.frame_bytes)
        finally:
            end.sent = wire.sent
            end.user_id = connection.identity.user_id if connection.identity is not None else None
            if sending is not None:
                sending.cancel()
            if isinstance(wire, AsgiWire):
                wire.detach()
            self._handler.closed(connection)


class _WaitingSocket:
    """A WebSocket that may wait for its token, counted for its address."""

    __slots__ = ("_address", "_all", "_give_way", "_gives_way", "_is_counted")

    def __init__(self, anonymous: AnonymousRateLimit, address: str) -> None:
        self._all = anonymous
        self._address = address
        self._is_counted = False
        self._give_way: GiveWay | None = None
        self._gives_way: LimitRefused | None = None

    def add(self, now: float) -> None:
        """It waits. Raises ``LimitRefused``."""
        self._all.add_socket(self._address, self._lost_its_place, now)
        self._is_counted = True

    def when_it_gives_way(self, give_way: GiveWay) -> None:
        """End it so once its place is another's."""
        self._give_way = give_way
        if self._gives_way is not None:
            give_way(self._gives_way)

    def _lost_its_place(self, refusal: LimitRefused) -> None:
        self._is_counted = False
        self._gives_way = refusal
        if self._give_way is not None:
            self._give_way(refusal)

    def signed_in(self) -> None:
        """Its token has come."""
        if self._is_counted:
            self._all.give_back(self._address)
            self.drop()

    def drop(self) -> None:
        """It does not wait any more. May be called again."""
        if self._is_counted:
            self._is_counted = False
            self._all.drop_socket(self._address, self._lost_its_place)


async def _listen(connection: Connection, receive: Receive, most: int) -> int | None:
    """Hand over what comes through ``receive``: everything under plain ASGI, what came with the handshake otherwise. Returns
    the code that the socket was closed with."""
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        if text is None:
            connection.disconnect(1003, "text frames only")
        elif len(text) > most or len(text.encode()) > most:
            connection.too_long(text[:most])
        else:
            connection.received(text)
    code: int | None = message.get("code")
    return code


async def _turn_away(send: Send, error: NetraError, end: SocketEnd) -> None:
    frame = encode_frame(error_frame(error))
    code = error.entry.close_code or CATALOGUE["user_mismatch"].close_code
    end.sent, end.close_code = len(frame), code
    await send({"type": "websocket.send", "text": frame.decode()})
    await send({"type": "websocket.close", "code": code, "reason": error.entry.id})


def _retry_after(status: int, error: NetraError | None) -> list[tuple[bytes, bytes]]:
    wait = retry_after(status, error.retry_after_ms if error is not None else None)
    return [] if wait is None else [(b"retry-after", wait.encode())]


async def _reject(scope: dict[str, Any], send: Send, status: int, error: NetraError | None, end: SocketEnd) -> None:
    end.status = status
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})  # the server answers 403
        return
    body = encode_frame(error_frame(error)) if error is not None else b""
    end.sent = len(body)
    headers = [(b"content-type", b"application/json"), *_retry_after(status, error)]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
