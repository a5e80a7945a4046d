"""The bus over Redis or Valkey: publish and subscribe, a channel for each user.

Nothing that is said here is kept anywhere, so all of it may be lost: positions show the gap, and the log has the events. Two
connections for each process: one hears, one speaks. Both come back by themselves, with jitter, for ever.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ...core.history import Chunk
from ...core.limits import USUAL, Limits
from ...core.token_bucket import TokenBucket
from ...ports import Entropy
from .message import SENDER_BYTES, BadMessage, Opener, Sealer
from .url import driver_url

_LOG: Final = logging.getLogger("netra.bus")
BEAT_S: Final = 1.0
MAX_QUIET: Final = 3
"""After so many beats without a word the connection counts as lost: a server that is frozen breaks none."""
_CHANNELS_AT_ONCE: Final = 500
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 2.0
_LONGEST_AWAY_S: Final = 60.0

OnMessage = Callable[[str, str, str, int, Sequence[bytes]], None]


class RedisBus:
    """``ports.Bus``. ``namespace`` keeps the servers apart that share one Redis, whose channels know no databases; ``key``,
    the same in all processes, encrypts messages: nobody else on the Redis can read one, or is believed."""

    def __init__(
        self,
        url: str,
        on_message: OnMessage,
        loop: asyncio.AbstractEventLoop,
        entropy: Entropy,
        *,
        namespace: str = "netra",
        key: bytes = b"",
        beat_s: float = BEAT_S,
        limits: Limits = USUAL,
    ) -> None:
        self.connected = False
        self._on_message = on_message
        self._loop = loop
        self._entropy = entropy
        self._suffix = f":{namespace}:events".encode()
        key = blake2b(key).digest()
        self._sealer = Sealer(key, entropy.take(SENDER_BYTES))
        self._opener = Opener(key)
        self._beat_s = beat_s
        self._answer_s = limits.bus_s
        self._most_queued_bytes = limits.bus_bytes
        self._strange = limits.bus_strange_rate
        self._since = loop.time()
        self._allowance = TokenBucket(self._strange, self._strange, self._since)
        self._floods = 0
        self._pool = ConnectionPool.from_url(
            driver_url(url),
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,  # ours are the timeouts: the driver's make it miss that a task is cancelled
            socket_connect_timeout=None,
        )
        self._owners: dict[bytes, str] = {}
        self._changed: dict[bytes, None] = {}
        self._changes = asyncio.Event()
        self._queue: list[bytes] = []
        self._queued_bytes = 0
        self._queued = asyncio.Event()
        self._quiet = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._published = self._dropped = self._taken = self._ignored = self._connections = 0

    def counts(self) -> Mapping[str, int]:
        """Messages: published, ``dropped`` unsaid, heard, and ``ignored`` because they are not ours; and connections made."""
        return {
            "published": self._published,
            "dropped": self._dropped,
            "heard": self._taken,
            "ignored": self._ignored,
            "connections": self._connections,
        }

    def start(self) -> None:
        """Begin to connect."""
        self._tasks = [self._loop.create_task(self._stay(work)) for work in (self._listen, self._speak)]

    async def close(self) -> None:
        """Hear and say nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes what was aborted in its next turn
        self.connected = False
        await self._pool.disconnect()

    def _channel(self, owner: str) -> bytes:
        return owner.encode() + self._suffix

    # --- following --------------------------------------------------------------------------------------------------

    def follow(self, owner: str) -> None:
        self._owners[self._channel(owner)] = owner
        self._change(owner)

    def unfollow(self, owner: str) -> None:
        self._owners.pop(self._channel(owner), None)
        self._change(owner)

    def _change(self, owner: str) -> None:
        self._changed[self._channel(owner)] = None
        self._changes.set()

    async def _listen(self, connection: Any) -> None:
        """Hear until the connection is lost, or nothing comes over it any more."""
        self._changed = dict.fromkeys(self._owners)
        self._quiet = 0
        self._since = self._loop.time()
        self._allowance = TokenBucket(self._strange, self._strange, self._since)
        both = [self._loop.create_task(work(connection)) for work in (self._tend, self._hear)]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self.connected = False
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _tend(self, connection: Any) -> None:
        """Subscribe to what is followed, and ask from time to time whether anybody is there."""
        await self._subscribe(connection)
        while self._quiet < MAX_QUIET:
            async with asyncio.timeout(self._answer_s):
                await connection.send_command("PING", check_health=False)
            self._quiet += 1
            beat = self._loop.time() + self._beat_s
            while (left := beat - self._loop.time()) > 0:
                try:
                    async with asyncio.timeout(left):
                        await self._changes.wait()
                except TimeoutError:
                    break
                await self._subscribe(connection)
        raise ConnectionError("nothing was received for too long")

    async def _subscribe(self, connection: Any) -> None:
        self._changes.clear()
        changed, self._changed = self._changed, {}
        wanted = [channel for channel in changed if channel in self._owners]
        unwanted = [channel for channel in changed if channel not in self._owners]
        for command, channels in (("SUBSCRIBE", wanted), ("UNSUBSCRIBE", unwanted)):
            for at in range(0, len(channels), _CHANNELS_AT_ONCE):
                async with asyncio.timeout(self._answer_s):
                    await connection.send_command(command, *channels[at : at + _CHANNELS_AT_ONCE], check_health=False)

    async def _hear(self, connection: Any) -> None:
        while True:
            said = await connection.read_response(timeout=math.inf)  # without a timer for each: ``_tend`` sees to it
            self._quiet = 0
            kind = said[0] if isinstance(said, list) else b"pong"
            if kind == b"message":
                self._take(said[1], said[2])
            elif kind == b"pong":
                self.connected = True  # answered in order, so what was followed before is followed now

    def _take(self, channel: bytes, message: bytes) -> None:
        owner = self._owners.get(channel)
        if owner is None or self._sealer.is_from(message):
            return
        try:
            told = self._opener.open(message, owner)
        except BadMessage:
            self._ignored += 1
            if not self._allowance.take(self._loop.time()):
                raise _Flooded from None
            return
        self._taken += 1
        self._on_message(owner, told.thread_id, told.epoch, told.first, told.frames)

    # --- publishing -------------------------------------------------------------------------------------------------

    def publish(self, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            if self._queued_bytes >= self._most_queued_bytes:
                self._dropped += 1
                continue
            channel, message = self._channel(chunk.head.owner), self._sealer.message(chunk)
            command = b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (
                len(channel),
                channel,
                len(message),
                message,
            )
            self._queue.append(command)
            self._queued_bytes += len(command)
        self._queued.set()

    async def _speak(self, connection: Any) -> None:
        """Say what waits, all of it at once, until the connection is lost; the next batch gathers meanwhile."""
        while True:
            await self._queued.wait()
            self._queued.clear()
            batch, self._queue, self._queued_bytes = self._queue, [], 0
            said = 0
            try:
                async with asyncio.timeout(self._answer_s):
                    await connection.send_packed_command(batch, check_health=False)
                    for _ in batch:
                        await connection.read_response(timeout=math.inf)
                        said += 1
            finally:
                self._published += said
                self._dropped += len(batch) - said

    # --- coming back ------------------------------------------------------------------------------------------------

    async def _stay(self, work: Callable[[Any], Awaitable[None]]) -> None:
        failures = 0
        while True:
            connection: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            transport: Any = None
            away_s = 0.0
            try:
                async with asyncio.timeout(self._answer_s):
                    await connection.connect()
                transport = connection._writer.transport
                self._connections += 1
                failures = 0
                await work(connection)
            except _Flooded:
                away_s = self._flooded()
            except (RedisError, OSError) as fault:
                if not failures:
                    _LOG.warning("lost a connection to the bus: %s; reading the log instead", fault)
                failures += 1
            except Exception:  # whatever it is, later messages are worth hearing
                _LOG.exception("the bus failed; starting it again")
                failures += 1
            finally:
                await connection.disconnect(nowait=True)
                if transport is not None:
                    transport.abort()  # a farewell would wait for a server that takes nothing any more
            wait_s = away_s or min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(failures, 10))
            await asyncio.sleep(wait_s * (0.5 + self._entropy.take(1)[0] / 512))

    def _flooded(self) -> float:
        """For how many seconds to hear nothing: longer each time, until all has been well for the longest of them."""
        if self._loop.time() - self._since > _LONGEST_AWAY_S:
            self._floods = 0
        away_s = min(_LONGEST_AWAY_S, 2.0**self._floods)
        self._floods += 1
        _LOG.error(
            "Redis passes on more than %d messages a second that are not this server's: reading the log instead for %d s. "
            "Somebody else has its password, or another key.",
            self._strange,
            away_s,
        )
        return away_s


class _Flooded(Exception):
    """More comes that is not ours than is worth opening."""
