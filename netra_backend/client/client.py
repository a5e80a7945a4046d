"""``NetraClient``: one user's connection, kept alive.

It reconnects with jitter after a loss, a close code other than 4500 to 4599, or a transient HTTP status (``core.client_rules``),
resumes every thread that it follows, resends a request that was not accepted yet under the same idempotency key, and gives each
event once and in order.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final, Self

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from ..app.core.client_rules import MESSAGE_FAULTS
from ..app.core.events import AnyEvent, Position, decode_event
from ..app.core.frames import (
    Accepted,
    Connected,
    ErrorFrame,
    Heartbeat,
    Live,
    Reset,
    Resume,
)
from .commands import Commands
from .connection import connected
from .errors import Closed, Refused
from .handshake import refused_by_http
from .identity import user_of
from .positions import Positions, Verdict
from .reconnection import End, Reconnection
from .thread_events import ThreadEvents
from .token_source import GetToken, TokenSource
from .unanswered import GivenUp, Unanswered, encoded

PATIENCE_S: Final = 60.0
SHORTEST_HANDSHAKE_S: Final = 1.0
LONGEST_HANDSHAKE_S: Final = 10.0
MOST_RESUMED: Final = 100
"""Threads that one ``resume`` frame names, so that it is never too long."""
MAX_PROVISIONAL: Final = 256
"""Events that are held until a ``resume`` is answered; a ``reset`` comes before that many, so that more are a replay."""
_CONTROL: Final = msgspec.json.Decoder(Accepted | Connected | ErrorFrame | Heartbeat | Live | Reset)
_CONTROL_TYPES: Final = frozenset({"accepted", "connected", "error", "heartbeat", "live", "reset"})


class _Type(msgspec.Struct):
    type: str


_TYPE: Final = msgspec.json.Decoder(_Type)


class NetraClient(Commands):
    """``async with NetraClient(url, token) as client: async for event in client.ask("…"): …``

    ``url`` is the server's http(s) address. ``get_token``, a function or a coroutine function, gives a token: it is called before
    the first connection if there is no ``token``, and again each time that the token has expired, never twice at once. Without
    it an expired token ends the client with ``TokenExpired``. ``told(state)`` is called with ``connected``, ``reconnecting`` and
    ``caught up`` as they happen.

    ``patience_s`` is how long the client looks for a server before it gives up, from its start or from the last moment with a
    connection. Until then it waits out lost and refused connections, and HTTP 429, 502, 503, 504 and their like, as
    ``Retry-After`` says; another status raises ``HandshakeRefused`` at once.

    Raises ``Closed`` when it opens, and from everything that waits for the server, once it has given up; and whatever
    ``get_token`` raises.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        get_token: GetToken | None = None,
        user_id: str | None = None,
        told: Callable[[str], None] = lambda state: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._url = url.rstrip("/")
        self._tokens = TokenSource(token, get_token, patience_s)
        self._user_id = user_id
        self._told = told
        self._patience_s = patience_s
        self._positions = Positions()
        self._threads: dict[str, ThreadEvents] = {}
        self._provisional: dict[str, list[AnyEvent]] = {}
        self._unanswered = Unanswered()
        self._answers: dict[str, asyncio.Future[Accepted]] = {}
        self._reconnection: Reconnection
        self._socket: ClientConnection | None = None
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ended: Exception | None = None
        self.replayed = 0
        """Events that came by resuming."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._stay())
        up = asyncio.create_task(self._up.wait())
        try:
            await asyncio.wait({up, self._task}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.__aexit__()
            raise
        finally:
            up.cancel()
        if self._ended is not None:
            raise self._ended
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._socket is not None:
            await self._socket.close()
        if self._ended is None:
            await self._end(Closed(1000, "The client was closed."))

    # --- the connection ------------------------------------------------------------------------------------------

    async def follow(self, thread_id: str, *, epoch: str = "", after: int | None = None) -> AsyncIterator[AnyEvent]:
        """The thread's events, from now on or from position ``after`` on. Raises ``Closed``."""
        thread = self._threads.get(thread_id)
        if thread is None:
            if self._ended is not None:
                raise self._ended
            thread = self._threads[thread_id] = ThreadEvents()
        if after is not None:
            self._positions.follow(thread_id, epoch, after)
            await self._resume()
        while True:
            yield await thread.get()

    async def _command(self, key: str, frame: Any) -> Accepted:
        if self._ended is not None:
            raise self._ended
        self._unanswered.add(key, encoded(frame))
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._answers[key] = answer
        try:
            await self._transmit(key)
            return await answer
        finally:
            self._answers.pop(key, None)
            self._give_up(self._unanswered.answered(key))

    async def _transmit(self, key: str) -> None:
        """Send a command, unless this connection has it already; without a connection, the next one will."""
        if self._up.is_set():
            raw = self._unanswered.sending(key)
            if raw is not None:
                await self._send(raw)

    def _give_up(self, given_up: GivenUp) -> None:
        for key, error in given_up:
            answer = self._answers.get(key)
            if answer is not None and not answer.done():
                answer.set_exception(error)

    async def _send(self, raw: bytes) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):  # it is sent again after the reconnect
                await self._socket.send(raw.decode())

    async def _resume(self) -> None:
        positions = list(self._positions.all().items())
        for start in range(0, len(positions), MOST_RESUMED):
            part: dict[str, Position] = dict(positions[start : start + MOST_RESUMED])
            for thread_id in part:
                self._provisional.setdefault(thread_id, [])
            await self._send(msgspec.json.encode(Resume(part, id="r_" + secrets.token_hex(12))))

    # --- the connection ---------------------------------------------------------------------------------------------

    async def _stay(self) -> None:
        """Keep a connection until the server says not to come back. However that ends, everyone who waits gets an error."""
        try:
            await self._end(await self._keep_connected())
        except Exception as error:
            await self._end(error)

    async def _keep_connected(self) -> Closed:
        loop = asyncio.get_running_loop()
        self._reconnection = Reconnection(
            self._patience_s, loop.time(), can_renew=self._tokens.can_renew, random=random.random
        )
        while True:
            token = await self._tokens.current()
            closed = await self._connection(token)
            self._socket = None
            self._up.clear()
            self._give_up(self._unanswered.lost(closed.code))
            step = self._reconnection.lost(closed, loop.time())
            if isinstance(step, End):
                return step.error
            self._told("reconnecting")
            await asyncio.sleep(step.seconds)
            if step.renew:
                await self._tokens.renew()

    async def _connection(self, token: str) -> Closed:
        """One connection, from its handshake to its end; why it ended, or why there was none."""
        loop = asyncio.get_running_loop()
        try:
            if self._user_id is None:
                self._user_id = await user_of(self._url, token)
            patience = min(LONGEST_HANDSHAKE_S, max(SHORTEST_HANDSHAKE_S, self._reconnection.left(loop.time())))
            async with connected(self._url, self._user_id, token, open_timeout=patience) as socket:
                self._socket = socket
                async for raw in socket:
                    if await self._take(raw if isinstance(raw, bytes) else raw.encode()):
                        self._reconnection.connected(loop.time())
                code, reason = socket.close_code or 1006, socket.close_reason or ""
        except Closed as closed:
            return closed
        except ConnectionClosed as fault:
            code, reason = (fault.rcvd.code, fault.rcvd.reason) if fault.rcvd else (1006, str(fault))
        except InvalidStatus as fault:
            response = fault.response
            headers = {name.lower(): value for name, value in response.headers.raw_items()}
            return refused_by_http(self._url, response.status_code, headers, bytes(response.body or b""))
        except ssl.SSLCertVerificationError as fault:
            raise Closed(1006, f"The certificate of {self._url} is not trusted: {fault.verify_message}.") from fault
        except InvalidURI as fault:
            raise Closed(1006, f"{self._url} is not the address of a server.", "Use http(s)://host:port.") from fault
        except (OSError, TimeoutError) as fault:
            code, reason = 1006, f"{self._url} cannot be reached: {fault or type(fault).__name__}."
        except InvalidHandshake as fault:
            code, reason = 1006, f"{self._url} does not answer as a Netra server: {fault}."
        return Closed(code, reason or f"{self._url} closed the connection.")

    async def _take(self, raw: bytes) -> bool:
        """Take one frame; whether it says that the connection stands."""
        kind = _TYPE.decode(raw).type
        if kind not in _CONTROL_TYPES:
            if kind not in ("pong", "drain"):
                await self._event(decode_event(raw))
            return False
        frame = _CONTROL.decode(raw)
        if isinstance(frame, Connected):
            self._up.set()
            self._told("connected")
            self._provisional.clear()
            self._give_up(self._unanswered.connected(frame.limits.get("bytes")))
            await self._resume()
            for key in self._unanswered.unsent():
                await self._transmit(key)
            return True
        if isinstance(frame, Accepted):
            self._accepted(frame)
        elif isinstance(frame, ErrorFrame):
            self._refused(frame)
        elif isinstance(frame, Heartbeat):
            if self._positions.behind(frame.tops):
                await self._resume()
        elif isinstance(frame, Reset):
            if self._positions.follows(frame.thread_id):
                self._provisional.pop(frame.thread_id, None)  # they are of the new epoch, whose positions are others
                self._positions.follow(frame.thread_id, frame.epoch, frame.oldest - 1)
                await self._resume()
        elif self._positions.follows(frame.thread_id):
            for event in self._provisional.pop(frame.thread_id, ()):
                await self._judge(event)
            self._told("caught up")
        return False

    def _accepted(self, frame: Accepted) -> None:
        answer = self._answers.get(frame.id or "")
        if answer is None or answer.done():
            return
        if frame.thread_id is not None and frame.seq is not None:
            self._threads.setdefault(frame.thread_id, ThreadEvents())
            if not self._positions.follows(frame.thread_id):
                self._positions.follow(frame.thread_id, frame.epoch or "", frame.seq - 1)
        answer.set_result(frame)

    def _refused(self, frame: ErrorFrame) -> None:
        if frame.id is not None:
            self._give_up([(frame.id, Refused(frame))])
        elif frame.error in MESSAGE_FAULTS:
            self._give_up(self._unanswered.fault(frame))
        elif frame.retry_after_ms is not None:
            self._reconnection.asked(frame.retry_after_ms / 1000)

    async def _event(self, event: AnyEvent) -> None:
        if event.thread_id not in self._threads or not self._positions.follows(event.thread_id):
            return
        held = self._provisional.get(event.thread_id)
        if held is None:
            await self._judge(event)
            return
        held.append(event)
        if len(held) > MAX_PROVISIONAL:
            del self._provisional[event.thread_id]
            for each in held:
                await self._judge(each)

    async def _judge(self, event: AnyEvent) -> None:
        verdict = self._positions.judge(event.thread_id, event.seq)
        if verdict is Verdict.TAKE:
            await self._threads[event.thread_id].put(event)
        elif verdict is Verdict.HOLE:
            await self._resume()

    async def _end(self, error: Exception) -> None:
        self._ended = error
        self._give_up([(key, error) for key in self._answers])
        for thread in self._threads.values():
            await thread.end(error)
