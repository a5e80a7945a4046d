"""The clock and the entropy of the machine."""

from __future__ import annotations

import subprocess
import sys
import threading

from netra_backend.app.adapters.process import clock as system_clock
from netra_backend.app.adapters.process.clock import SystemClock, SystemEntropy
from netra_backend.app.ports import Clock, Entropy


def test_time_goes_on() -> None:
    clock: Clock = SystemClock()
    assert clock.now_ms() > 1_700_000_000_000
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_bytes_are_as_many_as_asked_for_and_never_the_same_twice() -> None:
    entropy: Entropy = SystemEntropy()
    for count in (1, 10, 32, 64, 65, 1000):
        assert len(entropy.take(count)) == count
    assert len({entropy.take(10) for _ in range(1000)}) == 1000
    assert entropy.take(0) == b""


def test_threads_never_get_the_same_bytes() -> None:
    entropy = SystemEntropy()
    taken: list[list[bytes]] = []
    start = threading.Barrier(4)

    def take() -> None:
        start.wait()
        taken.append([entropy.take(16) for _ in range(2000)])

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({chunk for chunks in taken for chunk in chunks}) == 8000


def test_what_a_child_forgets_is_all_that_was_ahead() -> None:
    entropy = SystemEntropy()
    entropy.take(16)
    ahead = set(entropy._chunks[16])
    system_clock._forget_in_child()
    assert ahead.isdisjoint(entropy.take(16) for _ in range(300))


FORKING = """
import os
from netra_backend.app.adapters.process.clock import SystemEntropy
entropy = SystemEntropy()
entropy.take(16)
child = os.fork()
if child:
    os.waitpid(child, 0)
print("\\n".join(entropy.take(16).hex() for _ in range(200)), flush=True)
"""


def test_a_forked_child_does_not_repeat_its_parent() -> None:
    # In a process of its own: to fork one with threads is an error from Python 3.12 on.
    printed = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True).stdout.split()
    assert len(printed) == len(set(printed)) == 400
