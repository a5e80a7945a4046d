"""What users hold at other processes, over Redis or Valkey: a hash for each user, a field for each process.

Every field carries its end by the server's clock and every key ends by itself, so what a dead process held is gone in
``TTL_MS``. Nothing has to be kept: after a loss each process says again what it holds, within ``REFRESH_ROUNDS`` exchanges.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ...core.errors import DependencyUnavailable
from ...core.limits import Counts
from .url import driver_url

TTL_MS: Final = 15_000
REFRESH_ROUNDS: Final = 5
"""What did not change is said again every so many exchanges, some users in each."""
_USERS_AT_ONCE: Final = 500
_TIMEOUT_S: Final = 1.0

# KEYS: one for each user. ARGV: the process, how long a field holds, then for each user its counts, or '' for none any more.
# The answer: for each user the counts of the others; the last element says how many of our own fields were not there.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local me, ttl, found, missing = ARGV[1], tonumber(ARGV[2]), {}, 0
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key)['ok']
  if kind ~= 'none' and (kind ~= 'hash' or redis.call('HLEN', key) > 1000) then redis.call('DEL', key) end
  local connections, runs, queued = 0, 0, 0
  local fields = redis.call('HGETALL', key)
  local seen = false
  for j = 1, #fields, 2 do
    if fields[j] == me then
      seen = true
    else
      local ends, c, r, q = string.match(fields[j + 1], '^(%d+) (%d+) (%d+) (%d+)$')
      if ends and #fields[j + 1] < 64 and tonumber(ends) > now and tonumber(ends) <= now + ttl then
        connections, runs, queued = connections + c, runs + r, queued + q
      else
        redis.call('HDEL', key, fields[j])
      end
    end
  end
  if ARGV[i + 2] == '' then
    redis.call('HDEL', key, me)
  else
    if not seen then missing = missing + 1 end
    redis.call('HSET', key, me, string.format('%.0f', now + ttl) .. ' ' .. ARGV[i + 2])
    redis.call('PEXPIRE', key, ttl)
  end
  found[i] = string.format('%.0f %.0f %.0f', connections, runs, queued)
end
found[#KEYS + 1] = missing
return found
"""


class RedisPresence:
    """``ports.Presence``. ``namespace`` keeps the servers apart that share one Redis."""

    def __init__(self, url: str, process_id: str, *, namespace: str = "netra") -> None:
        self._client = Redis.from_url(
            driver_url(url),
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,  # ours is the timeout: the driver's makes it miss that a task is cancelled
            socket_connect_timeout=None,
            max_connections=2,
        )
        self._script = self._client.register_script(_SCRIPT)
        self._process_id = process_id
        self._suffix = f":{namespace}:presence"
        self._round = 0
        self._said: dict[str, Counts] = {}
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
        for at in range(0, len(due), _USERS_AT_ONCE):
            await self._say(due[at : at + _USERS_AT_ONCE], mine)
        return self._elsewhere

    async def _say(self, users: Sequence[str], mine: Mapping[str, Counts]) -> None:
        values = [_value(mine.get(user)) for user in users]
        known = sum(user in self._said for user in users if user in mine)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                found = await self._script(
                    keys=[user + self._suffix for user in users], args=[self._process_id, TTL_MS, *values]
                )
        except (RedisError, OSError) as fault:
            self._said.clear()  # nobody knows what was stored of it
            raise DependencyUnavailable("Presence does not answer.", retry_after_ms=1000) from fault
        for user, others in zip(users, found, strict=False):
            if user in mine:
                self._said[user] = mine[user]
                self._learn(user, Counts(*map(int, others.split())))
            else:
                self._said.pop(user, None)
                self._elsewhere.pop(user, None)
        if found[-1] > len([user for user in users if user in mine]) - known:
            self._said.clear()  # what was said before is lost: all of it is said again in the next exchange

    def _learn(self, user: str, others: Counts) -> None:
        if others == Counts():
            self._elsewhere.pop(user, None)
        else:
            self._elsewhere[user] = others

    async def close(self) -> None:
        """Let go of the connection. What was said ends by itself; ``exchange({})`` before takes it back at once."""
        await self._client.aclose()


def _value(counts: Counts | None) -> str:
    return "" if counts is None else f"{counts.connections} {counts.runs} {counts.queued}"
