"""``NetraClient``: one user's connection, kept alive.

It reconnects with jitter after a loss or a close code 4400 to 4499 and 1012, resumes every thread that it follows, resends a
request that was not accepted yet under the same idempotency key, and gives each event once and in order.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final, Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from ..app.core.events import TERMINAL, AnyEvent, decode_event
from ..app.core.frames import (
    Accepted,
    CancelRun,
    Connected,
    ErrorFrame,
    ExecuteAgent,
    Heartbeat,
    Live,
    Reset,
    ResolveApproval,
    Resume,
)
from .errors import Closed, Refused
from .identity import user_of
from .positions import Positions, Verdict
from .thread_events import ThreadEvents

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 5.0
MAX_PROVISIONAL: Final = 256
"""Events that are held until a ``resume`` is answered; a ``reset`` comes before that many, so that more are a replay."""
_CONTROL: Final = msgspec.json.Decoder(Accepted | Connected | ErrorFrame | Heartbeat | Live | Reset)
_CONTROL_TYPES: Final = frozenset({"accepted", "connected", "error", "heartbeat", "live", "reset"})


class _Type(msgspec.Struct):
    type: str


_TYPE: Final = msgspec.json.Decoder(_Type)


class NetraClient:
    """``async with NetraClient(url, token) as client: async for event in client.ask("…"): …``

    ``url`` is the server's http(s) address. ``told(state)`` is called with ``connected``, ``reconnecting`` and
    ``caught up`` as they happen. Gives up with ``Closed`` if no server is found within ``patience_s``.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        user_id: str | None = None,
        told: Callable[[str], None] = lambda state: None,
        patience_s: float = 60.0,
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._user_id = user_id
        self._told = told
        self._patience_s = patience_s
        self._positions = Positions()
        self._threads: dict[str, ThreadEvents] = {}
        self._provisional: dict[str, list[AnyEvent]] = {}
        self._waiting: dict[str, tuple[bytes, asyncio.Future[Accepted]]] = {}
        self._socket: ClientConnection | None = None
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ended: Closed | None = None
        self.replayed = 0
        """Events that came by resuming."""

    async def __aenter__(self) -> Self:
        if self._user_id is None:
            self._user_id = await user_of(self._url, self._token)
        self._task = asyncio.create_task(self._stay())
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait({up, self._task}, return_when=asyncio.FIRST_COMPLETED)
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

    # --- asking -----------------------------------------------------------------------------------------------------

    async def ask(
        self, message: str, *, agent: str = "triage_agent", thread_id: str | None = None, timezone: str = "UTC"
    ) -> AsyncIterator[AnyEvent]:
        """Start a run and give its events up to its end. Raises ``Refused`` and ``Closed``."""
        accepted = await self.start(message, agent=agent, thread_id=thread_id, timezone=timezone)
        assert accepted.thread_id is not None
        async for event in self.follow(accepted.thread_id):
            if event.run_id == accepted.run_id:
                yield event
                if isinstance(event, TERMINAL):
                    return

    async def start(
        self, message: str, *, agent: str = "triage_agent", thread_id: str | None = None, timezone: str = "UTC"
    ) -> Accepted:
        """Start a run; its events come through ``follow``. It is sent again automatically if the connection is lost."""
        key = "c_" + secrets.token_hex(12)
        return await self._command(key, ExecuteAgent(agent, message, id=key, thread_id=thread_id, timezone=timezone))

    async def cancel(self, run_id: str) -> None:
        """Stop a run. Raises ``Refused``."""
        key = "c_" + secrets.token_hex(12)
        await self._command(key, CancelRun(run_id, id=key))

    async def resolve(self, approval_id: str, decision: str, arguments_hash: str) -> None:
        """Say the word, ``approve`` or ``deny``, about a tool call. Raises ``Refused``."""
        key = "c_" + secrets.token_hex(12)
        await self._command(
            key,
            msgspec.convert(
                {
                    "type": "resolve_approval",
                    "approval_id": approval_id,
                    "decision": decision,
                    "arguments_hash": arguments_hash,
                    "id": key,
                },
                ResolveApproval,
            ),
        )

    async def follow(self, thread_id: str, *, epoch: str = "", after: int | None = None) -> AsyncIterator[AnyEvent]:
        """The thread's events, from now on or from position ``after`` on. Raises ``Closed``."""
        thread = self._threads.get(thread_id)
        if thread is None:
            thread = self._threads[thread_id] = ThreadEvents()
        if after is not None:
            self._positions.follow(thread_id, epoch, after)
            await self._resume()
        while True:
            yield await thread.get()

    async def _command(self, key: str, frame: Any) -> Accepted:
        raw = msgspec.json.encode(frame)
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting[key] = (raw, answer)
        try:
            await self._send(raw)
            if self._ended is not None:
                raise self._ended
            return await answer
        finally:
            self._waiting.pop(key, None)

    async def _send(self, raw: bytes) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):  # it is sent again after the reconnect
                await self._socket.send(raw.decode())

    async def _resume(self) -> None:
        positions = self._positions.all()
        if positions:
            for thread_id in positions:
                self._provisional.setdefault(thread_id, [])
            await self._send(msgspec.json.encode(Resume(positions)))

    # --- the connection ---------------------------------------------------------------------------------------------

    async def _stay(self) -> None:
        """Keep a connection until told not to come back."""
        wait = FIRST_WAIT_S
        loop = asyncio.get_running_loop()
        lost_at = loop.time()
        address = f"{self._url.replace('http', 'ws', 1)}/ws/{self._user_id}"
        while True:
            try:
                async with connect(
                    address,
                    additional_headers={"Authorization": f"Bearer {self._token}"},
                    compression=None,
                    max_size=None,
                    proxy=None,
                ) as socket:
                    self._socket = socket
                    async for raw in socket:
                        if await self._take(raw if isinstance(raw, bytes) else raw.encode()):
                            wait, lost_at = FIRST_WAIT_S, loop.time()
                        lost_at = loop.time()
                    code, reason = socket.close_code or 1006, socket.close_reason or ""
            except ConnectionClosed as closed:
                code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, str(closed))
            except (OSError, TimeoutError) as fault:
                code, reason = 1006, f"{self._url} cannot be reached: {fault or type(fault).__name__}."
            except InvalidStatus as fault:
                status = fault.response.status_code
                reason = f"{self._url} refused the connection (HTTP {status})."
                code = 1006 if status == 503 else 4501
            except InvalidHandshake as fault:
                code, reason = 1006, f"{self._url} does not answer as a Netra server: {fault}."
            self._socket = None
            self._up.clear()
            if 4500 <= code <= 4599 or loop.time() - lost_at > self._patience_s:
                await self._end(Closed(code, reason or f"{self._url} closed the connection."))
                return
            self._told("reconnecting")
            await asyncio.sleep(wait * (0.5 + random.random()))  # noqa: S311  # jitter, not a secret
            wait = min(LONGEST_WAIT_S, wait * 2)

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
            await self._resume()
            for waiting, _ in list(self._waiting.values()):
                await self._send(waiting)
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
        _, answer = self._waiting.get(frame.id or "", (b"", None))
        if answer is None or answer.done():
            return
        if frame.thread_id is not None and frame.seq is not None:
            self._threads.setdefault(frame.thread_id, ThreadEvents())
            if not self._positions.follows(frame.thread_id):
                self._positions.follow(frame.thread_id, frame.epoch or "", frame.seq - 1)
        answer.set_result(frame)

    def _refused(self, frame: ErrorFrame) -> None:
        _, answer = self._waiting.get(frame.id or "", (b"", None))
        if answer is not None and not answer.done():
            answer.set_exception(Refused(frame))

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

    async def _end(self, closed: Closed) -> None:
        self._ended = closed
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(closed)
        for thread in self._threads.values():
            await thread.end(closed)
