"""Time and chance in the hands of a test."""

from __future__ import annotations

from netra_backend.app.ports import Clock, Entropy
from test_framework.clock import START_MS, ManualClock, SeededEntropy


def test_time_passes_when_it_is_told_to() -> None:
    clock: Clock = (manual := ManualClock())
    assert (clock.now_ms(), clock.monotonic()) == (START_MS, 0.0)
    manual.advance(s=1.5, ms=1)
    assert (clock.now_ms(), clock.monotonic()) == (START_MS + 1501, 1.501)


def test_a_seed_repeats_its_bytes_and_gives_none_twice() -> None:
    first, second = SeededEntropy("a"), SeededEntropy("a")
    entropy: Entropy = first
    taken = [entropy.take(10) for _ in range(100)]
    assert taken == [second.take(10) for _ in range(100)]
    assert len(set(taken)) == 100
    assert SeededEntropy("b").take(10) != taken[0]
