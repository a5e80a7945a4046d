"""What came in goes to its handler: in order, bounded, and whatever a handler raises is answered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.core.errors import AuthenticationRefused, NetraError, NotFound
from netra_backend.app.core.frames import CancelRun, Resume
from netra_backend.app.core.validation import AUTH_SIGNATURE, RUN_OWNED
from netra_backend.app.websocket_core.incoming import FrameHandlers, Incoming


class Answers:
    """A connection as handlers' errors see it."""

    def __init__(self, is_authenticated: bool = True) -> None:
        self.is_authenticated = is_authenticated
        self.refused: list[tuple[str, str | None]] = []
        self.closed: list[str] = []

    def refuse(self, error: NetraError, id: str | None = None) -> None:
        self.refused.append((error.entry.id, id))

    def close(self, kind: str) -> None:
        self.closed.append(kind)


class Handlers:
    """Handles one kind of command and one of replay, and waits at its gate where it has one."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.gate: asyncio.Event | None = None
        self.raises: BaseException | None = None

    async def handle(self, connection: Any, asked: Any) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.raises is not None:
            raise self.raises
        self.done.append(asked)

    def incoming(self, **bounds: int) -> Incoming:
        room = {"held_frames": 1000, "held_replays": 32, **bounds}
        table = FrameHandlers(self.handle, {CancelRun: self.handle}, {Resume: self.handle}, **room)
        return Incoming(table, asyncio.get_running_loop())


CANCEL = CancelRun("run_1", "c")
RESUME = Resume({}, "r")


async def test_a_command_that_does_not_wait_is_done_at_once_and_a_replay_is_not(turns: Any) -> None:
    handlers, connection = Handlers(), Answers()
    half = handlers.incoming()
    assert half.handle(connection, RESUME)
    assert half.handle(connection, CANCEL)
    assert half.authenticate(connection, "token")
    assert handlers.done == [CANCEL, "token"]
    await turns(4)
    assert handlers.done == [CANCEL, "token", RESUME]


@pytest.mark.parametrize(("frame", "bound"), [(CANCEL, "held_frames"), (RESUME, "held_replays")])
async def test_what_is_too_much_is_not_taken(frame: Any, bound: str) -> None:
    handlers, connection = Handlers(), Answers()
    handlers.gate = asyncio.Event()
    half = handlers.incoming(**{bound: 2})
    assert [half.handle(connection, frame) for _ in range(4)] == [True, True, True, False]
    half.stop()


async def test_what_a_handler_raises_is_answered_under_the_key_of_its_frame() -> None:
    handlers, connection = Handlers(), Answers()
    half = handlers.incoming()
    for error in (NotFound("gone", point=RUN_OWNED), ZeroDivisionError()):
        handlers.raises = error
        half.handle(connection, CANCEL)
    assert connection.refused == [("not_found", "c"), ("internal", "c")]
    assert connection.closed == []


@pytest.mark.parametrize(("is_authenticated", "closed"), [(False, ["unauthenticated"]), (True, [])])
async def test_a_refusal_closes_only_who_is_not_signed_in(is_authenticated: bool, closed: list[str]) -> None:
    handlers, connection = Handlers(), Answers(is_authenticated)
    handlers.raises = AuthenticationRefused("no", point=AUTH_SIGNATURE)
    handlers.incoming().authenticate(connection, "token")
    assert (connection.refused, connection.closed) == ([("unauthenticated", None)], closed)


async def test_once_stopped_it_does_nothing_more(turns: Any) -> None:
    handlers, connection = Handlers(), Answers()
    handlers.gate = asyncio.Event()
    half = handlers.incoming()
    for frame in (CANCEL, CANCEL, RESUME, RESUME):
        half.handle(connection, frame)
    half.stop()
    handlers.gate.set()
    await turns(8)
    assert (handlers.done, connection.refused) == ([], [])
