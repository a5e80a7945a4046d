"""What comes in over one socket: each frame that its session let through goes to its handler, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from ..core.errors import NetraError, Refusal
from ..core.exhaustion import fault_of
from ..core.session import HandledFrame
from .serial_queue import SerialQueue, begin

Handle = Callable[[Any, Any], Coroutine[Any, Any, None]]
"""Takes the connection and the frame, and does what it asks for. It may raise ``NetraError``, which the client is sent."""


class Answered(Protocol):
    """The connection, as far as errors of handlers go."""

    @property
    def is_authenticated(self) -> bool: ...

    def refuse(self, error: NetraError, id: str | None = None) -> None: ...

    def close(self, kind: str) -> None: ...


@dataclass(frozen=True, slots=True)
class FrameHandlers:
    """Which handler takes which frame. ``authenticate`` takes the token of a connection that is not signed in yet.

    ``commands`` are handled one after the other, in the order they came. ``replays`` take long: they hold up no command, and
    come one after the other, or two replays of one thread would be mixed.
    """

    authenticate: Handle
    commands: Mapping[type[HandledFrame], Handle]
    replays: Mapping[type[HandledFrame], Handle]
    held_frames: int
    """Commands that wait while one before them looks something up."""
    held_replays: int
    """What waits behind something that takes long."""


class Incoming:
    """The half of a connection that reads."""

    __slots__ = ("_commands", "_handlers", "_replays")

    def __init__(self, handlers: FrameHandlers, loop: asyncio.AbstractEventLoop) -> None:
        self._handlers = handlers
        self._commands = SerialQueue(partial(begin, loop), _perform, handlers.held_frames)
        self._replays = SerialQueue(loop.create_task, _perform, handlers.held_replays)

    def handle(self, connection: Answered, frame: HandledFrame) -> bool:
        """Have the frame handled now, or as soon as what came before it is done. ``False`` if too many wait."""
        handle = self._handlers.commands.get(type(frame))
        if handle is not None:
            return self._commands.put((handle, connection, frame, frame.id))
        return self._replays.put((self._handlers.replays[type(frame)], connection, frame, frame.id))

    def authenticate(self, connection: Answered, token: str) -> bool:
        """Have the token verified. ``False`` if too many wait."""
        return self._commands.put((self._handlers.authenticate, connection, token, None))

    def stop(self) -> None:
        """The socket is gone: cancel what is being done, and drop what waits."""
        self._commands.stop()
        self._replays.stop()


async def _perform(work: tuple[Handle, Answered, Any, str | None]) -> None:
    handle, connection, asked, id = work
    try:
        await handle(connection, asked)
    except NetraError as error:
        connection.refuse(error, id)
        if error.entry.close_code is not None and isinstance(error, Refusal) and not connection.is_authenticated:
            connection.close(error.entry.id)
    except Exception as error:
        connection.refuse(fault_of(error), id)
