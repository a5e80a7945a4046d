"""Which idempotency keys cannot have been seen: a Bloom filter (Bloom 1970), so that a new key costs no look-up.

Two generations of a day each: a key is remembered for one day at least and two at most.
"""

from __future__ import annotations

from typing import Final

_BITS: Final = 1 << 24
_PROBES: Final = 3
DAY_MS: Final = 24 * 3600 * 1000


class KeyFilter:
    """``may_hold`` never says no to a key of the last day. At a million keys a day it says maybe to 1 in 200 others."""

    def __init__(self, now_ms: int) -> None:
        self._newer = bytearray(_BITS // 8)
        self._older = bytearray(_BITS // 8)
        self._since_ms = now_ms

    def add(self, owner: str, key: str, now_ms: int) -> None:
        """Remember a key."""
        if now_ms - self._since_ms >= DAY_MS:
            self._older, self._newer = self._newer, bytearray(_BITS // 8)
            self._since_ms = now_ms
        at, step = _hash(owner, key)
        bits = self._newer
        for _ in range(_PROBES):
            at = (at + step) % _BITS
            bits[at >> 3] |= 1 << (at & 7)

    def may_hold(self, owner: str, key: str) -> bool:
        """``False`` where the key was not added."""
        at, step = _hash(owner, key)
        newer, older = self._newer, self._older
        in_newer = in_older = True
        for _ in range(_PROBES):
            at = (at + step) % _BITS
            byte, bit = at >> 3, 1 << (at & 7)
            in_newer = in_newer and bool(newer[byte] & bit)
            in_older = in_older and bool(older[byte] & bit)
            if not in_newer and not in_older:
                return False
        return True


def _hash(owner: str, key: str) -> tuple[int, int]:
    mixed = hash((owner, key))  # keyed per process for str, so that nobody can choose keys that collide
    return mixed & 0xFFFFFFFF, (mixed >> 32) | 1
