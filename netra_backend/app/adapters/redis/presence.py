"""What users hold at other processes, over Redis or Valkey: a hash for each user, a field for each process.

Every field carries its end by the server's clock and every key ends by itself, so what a dead process held is gone in
``TTL_MS``. Nothing has to be kept: after a loss each process says again what it holds, within ``REFRESH_ROUNDS`` exchanges.

Values are sealed (keyed BLAKE2b, RFC 7693) with the key that all processes of a server share. Writing to Redis alone can
take counts away, so that a limit counts for each process alone, but can add none: nobody is locked out. The end of a value is its
order, too: a process that has seen one takes no older one of the same process, so what was said before cannot be said again by
somebody else. Therefore nothing held any more is said as well, and stands until its own end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ...core.errors import DependencyUnavailable
from ...core.limits import USUAL, Limits
from ...core.quotas import NOTHING, Counts
from .url import driver_url

TTL_MS: Final = 15_000
REFRESH_ROUNDS: Final = 5
"""What did not change is said again every so many exchanges, some users in each."""
_USERS_AT_ONCE: Final = 500

_SLACK_MS: Final = 2_000
"""How far the server's clock may have moved between two exchanges."""
_MAC_BYTES: Final = 16

# KEYS: one for each user. ARGV: the process, how long a value holds, the slack, then for each user its sealed value. The
# answer: for each user the fields of the others, name and value in turn; then how many of our own fields were
# not there, and the server's time. Whether a value is one of ours is for the reader to say: no script can know the key.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local me, ttl, slack, found, missing = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), {}, 0
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key)['ok']
  if kind ~= 'none' and (kind ~= 'hash' or redis.call('HLEN', key) > 1000) then redis.call('DEL', key) end
  local fields, others = redis.call('HGETALL', key), {}
  local seen = false
  for j = 1, #fields, 2 do
    local name, value = fields[j], fields[j + 1]
    if name == me then
      seen = true
    else
      local ends = #name <= 128 and #value < 128 and string.match(value, '^(%d+) ')
      if ends and tonumber(ends) > now and tonumber(ends) <= now + ttl + slack then
        others[#others + 1] = name
        others[#others + 1] = value
      else
        redis.call('HDEL', key, name)
      end
    end
  end
  if not seen then missing = missing + 1 end
  redis.call('HSET', key, me, ARGV[i + 3])
  redis.call('PEXPIRE', key, ttl)
  found[i] = others
end
found[#KEYS + 1] = missing
found[#KEYS + 2] = string.format('%.0f', now)
return found
"""


class RedisPresence:
    """``ports.Presence``. ``namespace`` keeps the servers apart that share one Redis; ``key``, the same in all processes, seals
    values. ``ignored`` counts values of others that were not sealed with it, or are older than what they said since."""

    def __init__(
        self, url: str, process_id: str, *, namespace: str = "netra", key: bytes, limits: Limits = USUAL
    ) -> None:
        self._client = Redis.from_url(
            driver_url(url),
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,  # ours is the timeout: the driver's makes it miss that a task is cancelled
            socket_connect_timeout=None,
            max_connections=2,
        )
        self._script = self._client.register_script(_SCRIPT)
        self._process_id = process_id
        self._answer_s = limits.presence_s
        self._key = blake2b(key, person=b"netra presence").digest()
        self._server_ahead_ms: float | None = None  # of this loop's clock; known from the first answer on
        self.ignored = 0
        self._suffix = f":{namespace}:presence"
        self._round = 0
        self._said: dict[str, Counts] = {}
        self._left: dict[str, int] = {}
        """Users of whom nothing is held any more, and up to when (the server's time) that is said again."""
        self._ends_ms = 0
        self._newest: dict[tuple[str, str], int] = {}
        self._newest_before: dict[tuple[str, str], int] = {}
        self._turned_ms = 0
        """The newest values seen, by user and process: those of this while, which began then, and of the one before."""
        self._elsewhere: dict[str, Counts] = {}

    async def exchange(self, mine: Mapping[str, Counts]) -> Mapping[str, Counts]:
        """Only what changed is said at once; the rest when it is its turn. So is what others hold learnt: at once by whoever has
        just changed, within ``REFRESH_ROUNDS`` exchanges by the others."""
        self._round += 1
        turn = self._round % REFRESH_ROUNDS
        said = self._said
        due = [
            user
            for user, counts in mine.items()
            if said.get(user) != counts or hash(user) % REFRESH_ROUNDS == turn  # the hash of this process: any will do
        ]
        due += [user for user in said if user not in mine]
        due += [
            user for user in self._left if user not in mine and user not in said and hash(user) % REFRESH_ROUNDS == turn
        ]
        for at in range(0, len(due), _USERS_AT_ONCE):
            await self._say(due[at : at + _USERS_AT_ONCE], mine)
        return self._elsewhere

    async def _say(self, users: Sequence[str], mine: Mapping[str, Counts]) -> None:
        unsaid = sum(user not in self._said and user not in self._left for user in users)
        try:
            async with asyncio.timeout(self._answer_s):
                ends_ms = self._ends_ms = max(await self._now_ms() + TTL_MS, self._ends_ms + 1)
                values = [self._sealed(user, self._process_id, ends_ms, mine.get(user, NOTHING)) for user in users]
                found = await self._script(
                    keys=[user + self._suffix for user in users], args=[self._process_id, TTL_MS, _SLACK_MS, *values]
                )
        except (RedisError, OSError) as fault:
            self._said.clear()  # nobody knows what was stored of it
            raise DependencyUnavailable("Presence does not answer.", retry_after_ms=1000) from fault
        *fields, missing, now = found
        self._note_time(int(now))
        self._turn(int(now))
        for user, others in zip(users, fields, strict=True):
            held = self._sum(user, others)
            if user in mine:
                self._left.pop(user, None)
                self._said[user] = mine[user]
                self._learn(user, held)
                continue
            self._elsewhere.pop(user, None)
            if self._said.pop(user, None) is not None or user not in self._left:
                self._left[user] = ends_ms
            elif self._left[user] < int(now):
                del self._left[user]
        if missing > unsaid:
            self._said.clear()  # what was said before is lost: all of it is said again in the next exchange

    async def _now_ms(self) -> int:
        """The server's time, asked for once and then reckoned from its last answer."""
        if self._server_ahead_ms is None:
            seconds, micros = await self._client.time()
            self._note_time(seconds * 1000 + micros // 1000)
        assert self._server_ahead_ms is not None
        return round(asyncio.get_running_loop().time() * 1000 + self._server_ahead_ms)

    def _note_time(self, server_ms: int) -> None:
        self._server_ahead_ms = server_ms - asyncio.get_running_loop().time() * 1000

    def _turn(self, now_ms: int) -> None:
        """Forget values that have ended."""
        if now_ms - self._turned_ms > TTL_MS + _SLACK_MS:
            self._newest, self._newest_before, self._turned_ms = {}, self._newest, now_ms

    def _is_outdated(self, user: str, process_id: str, ends_ms: int) -> bool:
        """Whether a newer value of that process was seen."""
        key = user, process_id
        newest = self._newest.get(key) or self._newest_before.get(key, 0)
        self._newest[key] = max(newest, ends_ms)
        return ends_ms < newest

    def _sealed(self, user: str, process_id: str, ends_ms: int, counts: Counts) -> str:
        said = f"{ends_ms} {counts.connections} {counts.runs} {counts.queued}"
        return f"{said} {self._mac(user, process_id, said)}"

    def _mac(self, user: str, process_id: str, said: str) -> str:
        named = "\0".join((user + self._suffix, process_id, said))
        return blake2b(named.encode(), digest_size=_MAC_BYTES, key=self._key).hexdigest()

    def _sum(self, user: str, fields: Sequence[bytes]) -> Counts:
        """What the others hold together, by the fields that were sealed with our key."""
        connections = runs = queued = 0
        for name, value in zip(fields[::2], fields[1::2], strict=True):
            said, _, mac = value.decode("ascii", "replace").rpartition(" ")
            process_id = name.decode("utf-8", "replace")
            if not compare_digest(mac.encode(), self._mac(user, process_id, said).encode()):
                self.ignored += 1
                continue
            ends_ms, *counts = map(int, said.split(" "))
            if self._is_outdated(user, process_id, ends_ms):
                self.ignored += 1
                continue
            connections, runs, queued = connections + counts[0], runs + counts[1], queued + counts[2]
        return Counts(connections, runs, queued)

    def _learn(self, user: str, others: Counts) -> None:
        if others == Counts():
            self._elsewhere.pop(user, None)
        else:
            self._elsewhere[user] = others

    async def close(self) -> None:
        """Let go of the connection. What was said ends by itself; ``exchange({})`` before takes it back at once."""
        await self._client.aclose()
