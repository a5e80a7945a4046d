"""``/ws/{user_id}``: who is it, then a connection of theirs.

Origin, overload and an issuer whose keys cannot be had are refused before the upgrade (403, 503); faults of identity accept,
tell an error and close, so that a page can read the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ...core.errors import CATALOGUE, AuthenticationRefused, DependencyUnavailable, NetraError, Refusal
from ...core.frames import encode_frame, error_frame
from ...core.identity import Identity
from ...server.runtime import Runtime
from ...services.authentication import check_path_user
from ...services.credentials import check_origin, read_credentials
from ...websocket_core.connection import Connection
from .asgi_wire import AsgiWire
from .uvicorn_websocket import EXTENSION, DirectWire

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
PATH: Final = "/ws/"


async def serve_websocket(runtime: Runtime, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """One WebSocket, from its handshake to its end."""
    await receive()
    path_user = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix(PATH)
    try:
        check_origin(scope, runtime.settings.allowed_origins, runtime.settings.public_url)
    except AuthenticationRefused as refusal:
        runtime.audit_trail.record_refusal(None, refusal)
        await _reject(scope, send, 403, refusal)
        return
    if runtime.draining or len(runtime.connections) >= runtime.settings.limits.process_connections:
        await _reject(scope, send, 503, None)
        return
    identity: Identity | None = None
    refusal_: NetraError | None = None
    subprotocol = None
    try:
        credentials = read_credentials(scope)
        subprotocol = credentials.subprotocol
        identity = await runtime.authentication.identify(credentials)
        if identity is not None:
            check_path_user(identity, path_user)
    except DependencyUnavailable as fault:
        await _reject(scope, send, 503, fault)
        return
    except NetraError as error:
        refusal_ = error
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    if refusal_ is None:
        try:
            await _serve(runtime, scope, receive, send, path_user, identity)
            return
        except Refusal as error:
            refusal_ = error
    if isinstance(refusal_, Refusal):
        runtime.audit_trail.record_refusal(identity.user_id if identity else None, refusal_)
    await _turn_away(send, refusal_)


async def _serve(
    runtime: Runtime, scope: dict[str, Any], receive: Receive, send: Send, path_user: str, identity: Identity | None
) -> None:
    user_id = identity.user_id if identity is not None else path_user
    manager = await runtime.managers.create_websocket_manager(user_id, runtime.mint("thr"), runtime.mint("conn"))
    loop = asyncio.get_running_loop()
    direct: DirectWire | None = scope.get("extensions", {}).get(EXTENSION)
    wire: DirectWire | AsgiWire = direct or AsgiWire(send)
    connection = Connection(manager, wire, runtime.desk, runtime.pool, runtime.audit_trail, runtime.clock, loop)
    sending: asyncio.Task[None] | None = None
    try:
        if identity is not None:
            runtime.desk.admit(connection, identity)
        runtime.connections.add(connection)
        wire.attach(connection)
        if isinstance(wire, AsgiWire):
            sending = loop.create_task(wire.send_all())
        await _listen(connection, receive)
    finally:
        if sending is not None:
            sending.cancel()
        if isinstance(wire, AsgiWire):
            wire.detach()
        connection.lost()
        runtime.connections.discard(connection)
        runtime.desk.dismiss(connection)


async def _listen(connection: Connection, receive: Receive) -> None:
    """Hand over what comes through ``receive``: everything under plain ASGI, what came with the handshake otherwise."""
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        if text is None:
            connection.disconnect(1003, "text frames only")
        else:
            connection.received(text)


async def _turn_away(send: Send, error: NetraError) -> None:
    await send({"type": "websocket.send", "text": encode_frame(error_frame(error)).decode()})
    code = error.entry.close_code or CATALOGUE["user_mismatch"].close_code
    await send({"type": "websocket.close", "code": code, "reason": error.entry.id})


async def _reject(scope: dict[str, Any], send: Send, status: int, error: NetraError | None) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})  # the server answers 403
        return
    body = encode_frame(error_frame(error)) if error is not None else b""
    headers = [(b"content-type", b"application/json")] + ([(b"retry-after", b"1")] if status == 503 else [])
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
