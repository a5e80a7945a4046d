"""What an adapter has found out about its trail, and tells once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from netra_backend.app.adapters.audit import watch
from netra_backend.app.adapters.audit.watch import TrailWatch
from netra_backend.app.core.audit_chain import Verdict
from netra_backend.app.core.errors import DependencyUnavailable


def test_a_trouble_lasts_until_its_own_part_works_again_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    trail = TrailWatch()
    trail.works("rows")
    for _ in range(3):
        trail.fails("rows", "disk full")
    trail.fails("anchor", "no such directory")
    assert trail.trouble == "its rows cannot be written: disk full"
    trail.works("rows")
    assert trail.trouble == "its anchor cannot be written: no such directory"
    trail.works("anchor")
    assert trail.trouble == ""
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 2


def test_a_break_stays(caplog: pytest.LogCaptureFixture) -> None:
    trail = TrailWatch()
    trail.breaks("row 3")
    trail.breaks("row 5")
    trail.works("rows")
    assert trail.broken == "row 3"
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]


def looking(*answers: Verdict | DependencyUnavailable) -> tuple[Callable[[], Awaitable[Verdict]], asyncio.Event]:
    left, done = list(answers), asyncio.Event()

    async def look() -> Verdict:
        answer = left.pop(0)
        if not left:
            done.set()
        if isinstance(answer, Verdict):
            return answer
        raise answer

    return look, done


async def test_the_whole_chain_is_looked_at_again_and_again_also_after_it_could_not_be(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "EVERY_S", 0.0)
    trail = TrailWatch()
    look, done = looking(Verdict("intact", rows=3), DependencyUnavailable("away"), Verdict("broken", "row 3"))
    with caplog.at_level(logging.INFO):
        trail.start(look)
        await done.wait()
        await asyncio.sleep(0)
        await trail.close()
    assert trail.broken == "row 3"
    assert "could not be verified: away" in caplog.text
    await trail.close()


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (Verdict("intact"), ""),
        (Verdict("broken", "row 3"), "it is broken .row 3"),
        (Verdict("unjudged", "subject_a"), "it is broken .subject_a"),
        (DependencyUnavailable("away"), "it was not verified yet"),
        (None, "it was not verified yet"),
    ],
)
async def test_nothing_is_removed_before_the_whole_chain_was_found_intact(
    answer: Verdict | DependencyUnavailable | None, refused: str
) -> None:
    trail = TrailWatch()
    removing = asyncio.create_task(trail.require_verified())
    await asyncio.sleep(0)
    assert not removing.done()
    if answer is not None:
        trail.start(looking(answer)[0])
    else:
        await trail.close()
    if refused:
        with pytest.raises(DependencyUnavailable, match=refused):
            await removing
    else:
        await removing
    await trail.close()


async def test_a_look_that_fails_in_whatever_way_is_told_and_keeps_nobody_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails() -> Verdict:
        raise KeyError("what a store was made to hold")

    trail = TrailWatch()
    trail.start(fails)
    with pytest.raises(DependencyUnavailable, match="not verified"):
        await trail.require_verified()
    assert "what a store was made to hold" in caplog.text
    await trail.close()
