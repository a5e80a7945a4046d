"""Locks of open files: between descriptors as between processes, and never for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netra_backend.app.adapters.process.file_locks import lock_within, try_lock


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], int]]:
    """Opens one file again and again."""
    descriptors: list[int] = []

    def opened() -> int:
        descriptors.append(os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT, 0o600))
        return descriptors[-1]

    yield opened
    for descriptor in descriptors:
        os.close(descriptor)


def test_a_lock_is_held_by_one_alone(opened: Callable[[], int]) -> None:
    assert try_lock(opened())
    assert not try_lock(opened())
    assert not try_lock(opened(), shared=True)


def test_a_shared_lock_is_held_by_several_and_keeps_out_who_wants_it_alone(opened: Callable[[], int]) -> None:
    assert try_lock(opened(), shared=True)
    assert try_lock(opened(), shared=True)
    assert not try_lock(opened())


def test_a_lock_that_is_given_back_in_time_is_taken(
    opened: Callable[[], int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    holder = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    assert try_lock(holder)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            os.close(holder)

    monkeypatch.setattr(time, "sleep", wait)
    assert lock_within(opened(), 10.0, every=0.02)
    assert waits == [0.02, 0.02]


def test_a_lock_that_is_not_given_back_is_waited_for_so_long_and_no_longer(
    opened: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "sleep", wait)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert try_lock(opened())
    assert not lock_within(opened(), 1.0, every=0.25)
    assert now == 101.25
