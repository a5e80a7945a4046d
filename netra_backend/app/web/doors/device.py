"""The connection of one request that comes by a door. It is a device of its user's like any other: counted, bounded, and closed
when its sign-in ends; its events come from the log, whichever process performs the run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import msgspec

from ...core.error_catalogue import CATALOGUE
from ...core.errors import NetraError
from ...core.events import AnyEvent, Position, decode_event
from ...core.frames import Accepted, ExecuteAgent, Resume, ServerFrame, encode_frame
from ...core.identity import Identity
from ...ports import Requester
from ...websocket_core.connection import Connection
from ...websocket_core.websocket_manager_factory import WebSocketManagerFactory
from ..sockets.connection_handler import ConnectionHandler

_AHEAD: Final = 262_144
"""Bytes that may wait for who reads the answer, beside the connection's own outbox."""

Start = Callable[[Requester, ExecuteAgent], Coroutine[Any, Any, None]]
"""``RunService.start``."""


class _Head(msgspec.Struct):
    type: str
    run_id: str | None = None
    thread_id: str | None = None
    seq: int | None = None
    error: Any = None


_head_of: Final = msgspec.json.Decoder(_Head).decode


class Closed(Exception):
    """The server closed the connection: ``error`` is an id of the catalogue, and ``text`` what a client reads."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error
        known = CATALOGUE.get(error)
        self.text = f"{known.text if known is not None else 'The connection was closed.'} The run goes on."


class _Frames:
    """``Wire`` of a connection without a socket: keeps what is sent until it is read."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._news = asyncio.Event()
        self.unsent = 0
        self.closed: str | None = None

    @property
    def writable(self) -> bool:
        return self.unsent < _AHEAD

    def send(self, frames: Sequence[bytes]) -> None:
        self._kept.extend(frames)
        self.unsent += sum(map(len, frames))
        self._news.set()

    def ping(self) -> bool:
        return False

    def close(self, code: int, reason: str) -> None:
        self.closed = reason
        self._news.set()

    async def take(self, within_s: float) -> list[bytes]:
        """All that was sent since; nothing if nothing is within so many seconds. Raises ``Closed`` after the last of it."""
        if not self._kept:
            if self.closed is not None:
                raise Closed(self.closed)
            self._news.clear()
            try:
                async with asyncio.timeout(within_s):
                    await self._news.wait()
            except TimeoutError:
                return []
            if not self._kept:
                raise Closed(self.closed or "")
        taken, self._kept = self._kept, []
        self.unsent = 0
        return taken


class _Requester:
    """A ``ports.Requester`` with the connection of a device; what it is answered first is ``answer``."""

    def __init__(self, connection: Connection) -> None:
        self.connection_id = connection.connection_id
        self.user_id = connection.user_id
        self.scopes = connection.scopes
        self.plan = connection.plan
        self.agents = connection.agents
        self.answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()

    def say(self, frame: ServerFrame) -> None:
        """It was accepted."""
        if isinstance(frame, Accepted) and not self.answer.done():
            self.answer.set_result(frame)

    def refuse(self, error: NetraError, id: str | None = None) -> None:
        """It was refused."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Device:
    """One request's connection. ``start`` or ``attach`` comes first."""

    def __init__(self, connection: Connection, frames: _Frames, start: Start) -> None:
        self._connection = connection
        self._frames = frames
        self._start = start
        self._run_id = ""
        self._thread_id = ""
        self._is_live = False
        self._at = 0
        self.seq = 0
        """The position of the newest event that ``next`` gave."""

    @property
    def is_open(self) -> bool:
        """Whether the server has not closed the connection: its sign-in stands."""
        return self._frames.closed is None

    @property
    def is_up_to_date(self) -> bool:
        """Whether ``next`` would wait for something new."""
        return self._is_live and self._frames.unsent == 0

    async def start(self, request: ExecuteAgent) -> Accepted:
        """Begin a run, or find the one that this request has begun. Raises what ``RunService.start`` does."""
        requester = _Requester(self._connection)
        await self._start(requester, request)
        accepted = await requester.answer
        self.attach(accepted.run_id or "", accepted.thread_id or "", accepted.epoch or "", accepted.seq or 1)
        return accepted

    def attach(self, run_id: str, thread_id: str, epoch: str, seq: int) -> None:
        """Follow a run of this user's, whose first event stands at ``seq``. What was delivered before this connection was there
        comes from the log; live events wait meanwhile."""
        self._run_id, self._thread_id, self._at = run_id, thread_id, seq - 1
        self._connection.received(encode_frame(Resume({thread_id: Position(epoch, self._at)})))

    async def next(self, within_s: float) -> list[AnyEvent]:
        """What has come of the run since, each event once and in order: nothing, if nothing came within so many seconds or it has
        only just been read up to date. Raises ``Closed``."""
        was_full = not self._frames.writable
        frames = await self._frames.take(within_s)
        if was_full:
            self._connection.writable()
        return [event for frame in frames if (event := self._event_in(frame)) is not None]

    def _event_in(self, frame: bytes) -> AnyEvent | None:
        head = _head_of(frame)
        if head.type in ("reset", "error"):
            raise Closed(str(head.error or "not_found"))
        if head.thread_id != self._thread_id or head.type == "accepted":
            return None
        if head.type == "live":
            self._is_live = True
        elif head.seq == self._at + 1:  # what came live before it was asked for comes again, in its place
            self._at = head.seq
            if head.run_id == self._run_id:
                self.seq = head.seq
                return decode_event(frame)
        return None


class Devices:
    """Opens the connections of requests."""

    def __init__(
        self, managers: WebSocketManagerFactory, handler: ConnectionHandler, mint: Callable[[str], str], start: Start
    ) -> None:
        self._managers = managers
        self._handler = handler
        self._mint = mint
        self._start = start

    async def open(self, identity: Identity, address: str) -> tuple[Device, Callable[[], None]]:
        """A device of this user's, and what closes it. Raises ``LimitRefused`` (``connection_limit``), ``AuthenticationRefused``,
        and ``NetraError`` (``draining``) if no connection is let in."""
        if not self._handler.is_accepting:
            raise NetraError(CATALOGUE["draining"].text, kind="draining")
        manager = await self._managers.create_websocket_manager(identity.user_id, self._mint("thr"), self._mint("conn"))
        frames = _Frames()
        connection = self._handler.open(manager, frames, identity, address)
        return Device(connection, frames, self._start), lambda: self._handler.closed(connection)
