"""A server ends itself after so many events: what is committed then, and what is cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead
from netra_backend.app.core.state import StateWrite
from test_framework.crashes.moment import ACKNOWLEDGED, COMMITTED, Moment


@pytest.fixture
def moment(tmp_path: Path) -> Any:
    made = Moment(tmp_path / "moment")
    yield made
    made.close()


def chunk(*frames: bytes, ends: bool = False) -> Chunk:
    head = ThreadHead("user_ada", "thr_1", "epoch", 1)
    made = Chunk(RunRecord(head, "run_1", "req_1", "golden", None, "UTC", 0), 1)
    made.frames.extend(frames)
    made.ends = ends
    return made


def frames(work: Any) -> list[bytes]:
    return [frame for item in work for each in item for frame in each.frames]


def test_nothing_is_cut_before_the_moment(moment: Moment) -> None:
    work: Any = [[chunk(b"1", b"2", ends=True)]]
    assert moment.pass_by(work) == (work, False)
    moment.arm(COMMITTED, 3)
    assert moment.pass_by(work) == (work, False)
    assert moment.count == 2
    moment.disarm()
    assert moment.pass_by(work) == (work, False)


@pytest.mark.parametrize("events", [1, 2, 3, 4])
def test_the_process_ends_with_the_commit_of_the_event(moment: Moment, events: int) -> None:
    moment.arm(COMMITTED, events)
    first, second = chunk(b"1", b"2"), chunk(b"3", b"4", ends=True)
    wanted, ends = moment.pass_by([[first, second]])
    assert (frames(wanted), ends) == ([b"1", b"2", b"3", b"4"][:events], True)
    assert second.ends == (events != 3)


def test_the_process_ends_before_the_next_event_is_committed(moment: Moment) -> None:
    moment.arm(ACKNOWLEDGED, 2)
    assert moment.pass_by([[chunk(b"1", b"2")]])[1] is False
    assert moment.pass_by([[chunk(b"3")]]) == ([], True)
    moment.arm(ACKNOWLEDGED, 0)
    assert moment.pass_by([[chunk(b"1")]]) == ([], True)


def test_who_shares_the_file_knows_that_it_has_come(moment: Moment, tmp_path: Path) -> None:
    other = Moment(tmp_path / "moment")
    moment.arm(COMMITTED, 1)
    assert other.when == COMMITTED
    other.pass_by([[chunk(b"1")]])
    assert moment.when == 0
    other.close()


def test_state_is_written_with_its_event_or_not_at_all(moment: Moment) -> None:
    writes = [StateWrite("user_ada", "thr_1", "count", b"1", None, 10) for _ in range(2)]
    for place, write in enumerate(writes):
        write.place = place
    cut = chunk(b"1", b"2")
    cut.writes = list(writes)
    moment.arm(COMMITTED, 1)
    moment.pass_by([[cut]])
    assert cut.writes == writes[:1]
