"""The other processes of a server, reached through PostgreSQL: a mailbox, and LISTEN/NOTIFY to say that there is something in it.

Whatever is lost on the way is lost: a question without an answer says so in time, and who tells is not told who heard.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import asyncpg

from ...core.errors import DependencyUnavailable
from ...core.limits import USUAL, Limits
from .connection import TROUBLE, WRITER
from .mailbox import CHANNEL, Message, Outgoing, PostgresMailbox, addressed
from .pool import PostgresConnectionPool, connected

_LOG: Final = logging.getLogger("netra.fleet")
MAX_BODY: Final = 1_048_576

_AT_ONCE: Final = 100
_TIDY_S: Final = 10.0
_RETRY_S: Final = 0.5
_LINES: Final = 2
_MOST_NOTICES: Final = 100_000
_QUESTION, _ANSWER, _FAILURE = b"?", b"=", b"!"  # a message's first byte


class PostgresPeers:
    """``ports.Fleet``; made by ``open``."""

    def __init__(self, url: str, process_id: str, limits: Limits = USUAL) -> None:
        self.process_id = process_id
        self._url = url
        self._limits = limits
        self._answer_s = limits.peer_s
        self._most = limits.peer_messages  # that wait to be sent, for their answers, or are being answered
        self._lines = PostgresConnectionPool(url, WRITER, _LINES, limits)
        self._mailbox = PostgresMailbox(self._lines, process_id)
        self._answer: Callable[[bytes], Awaitable[bytes]] | None = None
        self._on_message: Callable[[bytes], None] | None = None
        self._outgoing: list[Outgoing] = []
        self._incoming: list[int] = []
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._number = 0
        self._answering: set[asyncio.Task[None]] = set()
        self._has_outgoing, self._has_incoming = asyncio.Event(), asyncio.Event()
        self._listening = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.dropped = 0

    @classmethod
    async def open(cls, url: str, process_id: str, limits: Limits = USUAL) -> PostgresPeers:
        """A fleet that listens. Raises ``DependencyUnavailable``."""
        fleet = cls(url, process_id, limits)
        fleet._tasks = [asyncio.create_task(each()) for each in (fleet._listen, fleet._send, fleet._receive)]
        try:
            async with asyncio.timeout(limits.peer_s):
                await fleet._listening.wait()
        except TimeoutError as late:
            await fleet.close()
            raise DependencyUnavailable("PostgreSQL does not answer.", retry_after_ms=5000) from late
        return fleet

    # --- the port ---------------------------------------------------------------------------------------------------

    async def ask(self, process_id: str, command: bytes) -> bytes:
        if len(command) > MAX_BODY or len(self._asked) >= self._most or len(self._outgoing) >= self._most:
            raise DependencyUnavailable("Too many requests to other processes are waiting.", retry_after_ms=1000)
        self._number += 1
        number = self._number
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._post(Outgoing(process_id, number, _QUESTION + command))
        try:
            async with asyncio.timeout(self._answer_s):
                return await answer
        except TimeoutError as late:
            raise DependencyUnavailable(
                "Another process of this server does not answer.", retry_after_ms=1000
            ) from late
        finally:
            del self._asked[number]

    def broadcast(self, command: bytes) -> None:
        if len(command) > MAX_BODY or len(self._outgoing) >= self._most:
            self.dropped += 1
        else:
            self._post(Outgoing(None, None, command))

    def serve(self, answer: Callable[[bytes], Awaitable[bytes]], on_message: Callable[[bytes], None]) -> None:
        self._answer, self._on_message = answer, on_message
        self._has_incoming.set()

    async def processes(self) -> list[str]:
        return await self._mailbox.living()

    # --- sending ----------------------------------------------------------------------------------------------------

    def _post(self, message: Outgoing) -> None:
        self._outgoing.append(message)
        self._has_outgoing.set()

    async def _send(self) -> None:
        while True:
            await self._has_outgoing.wait()
            messages, self._outgoing = self._outgoing[:_AT_ONCE], self._outgoing[_AT_ONCE:]
            if not messages:
                self._has_outgoing.clear()
                continue
            try:
                await self._mailbox.post(messages)
            except DependencyUnavailable:  # who asked learns it in time; what is told to all is told later
                told = [message for message in messages if message.recipient is None]
                self.dropped += len(messages) - len(told)
                self._outgoing = told + self._outgoing
                await asyncio.sleep(_RETRY_S)

    # --- receiving --------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Listen, on a connection of its own; again and again where it breaks."""
        while True:
            with suppress(*TROUBLE, DependencyUnavailable):
                connection = await connected(self._url, WRITER, self._limits)
                try:
                    await self._listen_on(connection)
                finally:
                    connection.terminate()
            await asyncio.sleep(_RETRY_S)

    async def _listen_on(self, connection: asyncpg.Connection) -> None:
        broken = asyncio.Event()
        connection.add_termination_listener(lambda _: broken.set())
        await connection.add_listener(CHANNEL, self._noticed)
        self._notice(await self._mailbox.missed())
        self._listening.set()
        while not broken.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_TIDY_S):
                    await broken.wait()
            await connection.execute("SELECT")  # a connection may be dead without having said so
            await self._mailbox.tidy()

    def _noticed(self, _: Any, __: int, ___: str, notice: Any) -> None:
        number = addressed(notice, self.process_id)
        if number is not None:
            self._notice([number])

    def _notice(self, numbers: Sequence[int]) -> None:
        if len(self._incoming) < _MOST_NOTICES:
            self._incoming += numbers
        self._has_incoming.set()

    async def _receive(self) -> None:
        while True:
            await self._has_incoming.wait()
            numbers, self._incoming = self._incoming[:_AT_ONCE], self._incoming[_AT_ONCE:]
            if not numbers:
                self._has_incoming.clear()
                continue
            try:
                messages = await self._mailbox.take(numbers)
            except DependencyUnavailable:  # they are found again when the listener is back
                await asyncio.sleep(_RETRY_S)
                continue
            for message in messages:
                try:
                    self._open(message)
                except Exception:  # a message that cannot be understood keeps no other from being opened
                    _LOG.exception("a message from another process could not be opened")

    def _open(self, message: Message) -> None:
        if message.recipient is None:
            if self._on_message is not None:
                self._on_message(message.body)
            return
        number, kind, body = message.question, message.body[:1], message.body[1:]
        if number is None:
            return
        if kind == _QUESTION:
            if len(self._answering) < self._most:
                task = asyncio.create_task(self._reply(message.sender, number, body))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            return
        waiting = self._asked.get(number)
        if waiting is None or waiting.done():
            return
        if kind == _ANSWER:
            waiting.set_result(body)
        elif kind == _FAILURE:
            waiting.set_exception(
                DependencyUnavailable("Another process of this server could not do it.", retry_after_ms=1000)
            )
        else:  # of a kind that a newer process knows; if it is an answer, its question runs out
            _LOG.warning("another process sends what is not understood")

    async def _reply(self, asker: str, number: int, command: bytes) -> None:
        reply = _FAILURE
        try:
            if self._answer is not None:
                reply = _ANSWER + await self._answer(command)
        except Exception:
            _LOG.exception("a request from another process could not be answered")
        if len(self._outgoing) < self._most:
            self._post(Outgoing(asker, number, reply))

    async def close(self) -> None:
        """Answer nothing more, and let go of the connections."""
        for task in (*self._tasks, *self._answering):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._answering, return_exceptions=True)
        await self._lines.close()
