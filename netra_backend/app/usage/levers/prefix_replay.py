"""A replay of requests against a cache of prompt prefixes, for whole logs at once."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from .lever import Indices
from .log import Flags, Hashes, Ints, Log, mixed

MINIMUM_PREFIX: Final = (
    (re.compile(r"claude.*(opus-4-[5-9]|haiku-4-5|haiku-5)"), 4096),
    (re.compile(r"claude.*haiku"), 2048),
    (re.compile(r"gemini.*pro"), 4096),
    (re.compile(r"deepseek"), 64),
)
"""The shortest prompt, in tokens, that a provider caches, where it is not the usual one."""
USUAL_MINIMUM_PREFIX: Final = 1024


def minimum_prefix(log: Log) -> Ints:
    """The shortest prompt that the row's model caches, by row."""
    by_price = [
        next(
            (tokens for pattern, tokens in MINIMUM_PREFIX if pattern.search(price.listing.model.id)),
            USUAL_MINIMUM_PREFIX,
        )
        for price in log.prices
    ]
    table = np.array([*by_price, USUAL_MINIMUM_PREFIX], dtype=np.int64)
    return np.asarray(table[log.price])


class Replay:
    """Rows that name the blocks of their prompts, in order of time.

    A block is identified with all that stands before it, so a block that is cached has its whole prefix cached, and a row's
    hits are its leading blocks. Only full blocks count.
    """

    def __init__(self, log: Log, rows: Indices) -> None:
        self._log = log
        self._rows = rows
        lists = [np.asarray(blocks, dtype=np.int64) for blocks in np.ma.getdata(log.blocks)[rows]]
        size = log.block_tokens[rows].astype(np.int64)
        full = np.minimum([len(blocks) for blocks in lists], log.input_tokens[rows] // np.maximum(size, 1)).astype(
            np.int64
        )
        flat = np.concatenate(
            [blocks[:count] for blocks, count in zip(lists, full, strict=True)] or [np.empty(0, np.int64)]
        )
        self._size = size
        self._owner = np.repeat(np.arange(len(rows)), full)
        self._key = mixed(_chained(flat.view(np.uint64), full), log.model[rows].view(np.uint64)[self._owner])
        self._order = np.argsort(self._key, kind="stable")

    def tokens_seen_before(self) -> int:
        """Tokens in blocks that an earlier row had sent, whenever that was."""
        key = self._key[self._order]
        again = self._order[1:][key[1:] == key[:-1]]
        return int(self._size[self._owner[again]].sum())

    def hit_tokens(self, alive: Flags, minimum: Ints, time_to_live_ms: int, *, per_team: bool = False) -> Ints:
        """Tokens of each row that were in the cache when it came, where rows that are not ``alive`` were never sent.
        ``per_team``: teams share nothing."""
        log, rows = self._log, self._rows
        key, order = self._key, self._order
        if per_team:
            key = mixed(key, log.team[rows][self._owner])
            order = np.argsort(key, kind="stable")
        sent = alive[rows] & (log.input_tokens[rows] >= minimum[rows])
        order = order[sent[self._owner[order]]]
        owner, key = self._owner[order], key[order]
        at = log.ts[rows][owner]
        hit = np.zeros(len(key), dtype=bool)
        hit[1:] = (key[1:] == key[:-1]) & (at[1:] - at[:-1] <= time_to_live_ms)
        hits = np.bincount(owner[hit], minlength=len(rows))
        return np.asarray(hits * self._size)


def _chained(flat: Hashes, counts: Ints) -> Hashes:
    """Each block's hash with those of all blocks before it in its row, mixed in; all rows step together."""
    chained = flat.copy()
    starts = np.cumsum(counts) - counts
    going = np.flatnonzero(counts > 1)
    position = 1
    while len(going):
        here = starts[going] + position
        chained[here] = mixed(chained[here - 1], flat[here])
        position += 1
        going = going[counts[going] > position]
    return chained


class SessionReplay:
    """Rows that only name their session: the prompt before them in the session is taken for their prefix.

    ``after`` are the rows that came within the time-to-live of one of the same session and model.
    """

    def __init__(self, log: Log, rows: Indices, time_to_live_ms: int) -> None:
        key = mixed(log.session[rows], log.model[rows].view(np.uint64))
        order = np.argsort(key, kind="stable")
        same = np.flatnonzero(key[order][1:] == key[order][:-1])
        before, after = rows[order[same]], rows[order[same + 1]]
        soon = log.ts[after] - log.ts[before] <= time_to_live_ms
        self._before, self.after = before[soon], after[soon]
        self._shared = np.minimum(log.input_tokens[self._before], log.input_tokens[self.after])
        self._grown = log.input_tokens[self.after] >= log.input_tokens[self._before] + log.output[self._before]

    def hit_tokens(self, alive: Flags, *, grown_only: bool) -> Ints:
        """Tokens of each row of ``after`` that its session had sent just before, where that request was sent; with
        ``grown_only``, only where the prompt grew by at least the last answer, as it does when a conversation is sent again
        with its next turn."""
        sent = alive[self._before] & (self._grown | (not grown_only))
        return np.asarray(np.where(sent, self._shared, 0))
