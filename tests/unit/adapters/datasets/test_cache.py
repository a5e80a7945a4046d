import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from netra_backend.app.adapters.datasets.cache import Copy, DatasetCache
from netra_backend.app.core.errors import DependencyUnavailable, ToolError
from netra_backend.app.core.limits import USUAL, Limits
from test_framework.clock import ManualClock

ONE, TWO, THREE = ("alice", "data_1"), ("alice", "data_2"), ("bob", "data_3")


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def cache(tmp_path: Path, clock: ManualClock) -> DatasetCache:
    cache = DatasetCache(tmp_path / "copies", "mine", clock, Limits(copies_bytes=100))
    cache.open()
    return cache


def placed(cache: DatasetCache, copy: Copy, size: int) -> Path:
    cache.make_room(size)
    staged = cache.stage(copy[1])
    (staged / "rows.duckdb").write_bytes(b"x" * size)
    path = cache.place(copy, staged / "rows.duckdb")
    staged.rmdir()
    return path


def test_what_was_placed_is_found_and_nothing_else(cache: DatasetCache) -> None:
    path = placed(cache, ONE, 10)
    assert cache.find(ONE) == path
    assert path.stat().st_size == 10
    assert cache.find(TWO) is None
    assert cache.folders() == ["alice"]


def test_copies_are_private(cache: DatasetCache) -> None:
    path = placed(cache, ONE, 10)
    for directory in (path.parent, cache.directory, cache.directory.parent, cache.stage("data_9")):
        assert directory.stat().st_mode & 0o077 == 0


def test_what_was_used_the_longest_ago_makes_room(cache: DatasetCache) -> None:
    placed(cache, ONE, 40)
    placed(cache, TWO, 40)
    cache.find(ONE)
    placed(cache, THREE, 40)
    assert [cache.find(copy) is not None for copy in (ONE, TWO, THREE)] == [True, False, True]
    held = sum(path.stat().st_size for path in cache.directory.rglob("*") if path.is_file())
    assert held == 80


def test_what_is_in_use_stays_and_what_would_not_fit_beside_it_is_refused(cache: DatasetCache) -> None:
    placed(cache, ONE, 60)
    with cache.pinned([ONE]):
        with pytest.raises(DependencyUnavailable) as caught:
            cache.make_room(60)
        assert caught.value.retry_after_ms
        assert cache.find(ONE) is not None
    cache.make_room(60)
    assert cache.find(ONE) is None


def test_one_owner_may_not_need_more_than_there_is(cache: DatasetCache) -> None:
    cache.check_fits(100)
    with pytest.raises(ToolError) as caught:
        cache.check_fits(101)
    assert caught.value.code == "RESULT_TOO_LARGE"


def test_the_disk_is_not_filled(cache: DatasetCache, monkeypatch: pytest.MonkeyPatch) -> None:
    placed(cache, ONE, 10)
    free = USUAL.reserved_disk_bytes + 5
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, free))
    cache.make_room(5)
    with pytest.raises(DependencyUnavailable):
        cache.make_room(6)


def test_what_is_deleted_elsewhere_is_removed_even_while_it_is_in_use(cache: DatasetCache) -> None:
    first, second, bobs = (placed(cache, copy, 10) for copy in (ONE, TWO, THREE))
    with cache.pinned([ONE]):
        cache.keep_only("alice", {"data_2"})
    assert [path.exists() for path in (first, second, bobs)] == [False, True, True]
    assert cache.find(ONE) is None


def test_a_killed_process_leaves_nothing_to_the_next_and_a_living_one_loses_nothing(
    cache: DatasetCache, tmp_path: Path
) -> None:
    mine = placed(cache, ONE, 10)
    dead = tmp_path / "copies" / "dead"
    dead.mkdir()
    (dead / "rows.duckdb").touch()
    other = DatasetCache(tmp_path / "copies", "other", ManualClock(), Limits(copies_bytes=100))
    other.open()
    assert mine.exists()
    assert not dead.exists()
    other.close()
    other.close()
    assert not other.directory.exists()
    assert mine.exists()


def test_what_nobody_uses_for_a_while_is_removed(cache: DatasetCache, clock: ManualClock) -> None:
    for copy in (ONE, TWO, THREE):
        placed(cache, copy, 10)
    clock.advance(s=USUAL.copies_idle_s + 1)
    cache.find(TWO)
    with cache.pinned([THREE]):
        cache.drop_idle()
    assert [cache.find(copy) is not None for copy in (ONE, TWO, THREE)] == [False, True, True]


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "copies").touch()
    with pytest.raises(OSError, match=os.strerror(17)):
        DatasetCache(tmp_path / "copies", "mine", clock, Limits(copies_bytes=100)).open()
