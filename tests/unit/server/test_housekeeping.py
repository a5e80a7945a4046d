"""Retention and leftovers: looked after at the start and daily, by a clock that is given."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.runs.accepted_requests import KEY_LIFETIME_MS
from netra_backend.app.server.housekeeping import (
    CLOCKS_MS,
    DAY_MS,
    EVERY_S,
    FILES_EVERY_S,
    PAUSE_S,
    Housekeeping,
    remove_leftovers,
)
from test_framework.clock import START_MS, ManualClock


class Budgets:
    """Run budgets that keep how many days they were asked to keep."""

    def __init__(self) -> None:
        self.kept: list[int | None] = []

    async def expire(self, keep_days: int | None) -> int:
        self.kept.append(keep_days)
        return 1


class Expiring:
    """Files, or values, that keep what they were asked to let go of."""

    def __init__(self) -> None:
        self.margins: list[int] = []

    async def expire(self, margin_ms: int) -> int:
        self.margins.append(margin_ms)
        return 1


class Resealing:
    """Secrets of which one was sealed with the key before."""

    async def reseal(self) -> int:
        return 1


class Trimmed:
    """A store that keeps what it was asked to trim."""

    def __init__(self, fails: bool = False) -> None:
        self.asked: list[int] = []
        self.expired: list[tuple[int, tuple[str, str]]] = []
        self.pauses: list[float] = []
        self.budgets = Budgets()
        self.fails = fails
        self.state = Expiring()
        self.turn = asyncio.Event()
        self.turn.set()

    async def expire_requests(
        self, before_ms: int, after: tuple[str, str] = ("", "")
    ) -> tuple[int, tuple[str, str] | None]:
        self.expired.append((before_ms, after))
        return 2, ("user_ada", f"k{len(self.expired)}") if len(self.expired) % 3 else None

    async def trim(self, before_ms: int) -> int:
        self.asked.append(before_ms)
        await self.turn.wait()
        if self.fails:
            raise DependencyUnavailable("gone")
        return len(self.asked)


def housekeeping(
    days: int | None, log: Trimmed, ledger: Trimmed, audit: Trimmed | None = None, files: Expiring | None = None
) -> Housekeeping:
    stores: dict[str, Any] = {"log": log, "ledger": ledger, "audit": audit or Trimmed(), "audit_retention_days": 7}
    stores["files"], stores["secrets"], stores["mcp_servers"] = files or Expiring(), Resealing(), Resealing()
    stores["budgets"] = log.budgets

    async def sleep(seconds: float) -> None:
        log.pauses.append(seconds)

    return Housekeeping(clock=ManualClock(), retention_days=days, sleep=sleep, **stores)


async def done(keeping: Housekeeping) -> None:
    if keeping._work is not None:
        await keeping._work


async def test_secrets_and_mcp_servers_are_sealed_with_the_key_that_is_set(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "netra")
    keeping = housekeeping(None, Trimmed(), Trimmed())
    keeping.tick(5.0)
    await done(keeping)
    (told,) = [each for each in caplog.records if each.message == "secrets were sealed with the new key"]
    assert told.secrets == 2  # type: ignore[attr-defined]


def test_what_a_killed_process_left_of_uploads_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("upload-abc", "upload-def", "events.db", "an-upload-x"):
        (tmp_path / name).write_text("x")
    assert remove_leftovers(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["an-upload-x", "events.db"]


async def test_what_is_older_than_the_days_that_are_kept_is_removed_at_the_start_and_daily() -> None:
    log, ledger = Trimmed(), Trimmed()
    keeping = housekeeping(30, log, ledger)
    keeping.tick(5.0)
    await done(keeping)
    assert log.asked == ledger.asked == [START_MS - 30 * DAY_MS]
    keeping.tick(5.0 + EVERY_S - 1)
    await done(keeping)
    assert len(log.asked) == 1
    keeping.tick(5.0 + EVERY_S)
    await done(keeping)
    assert len(log.asked) == 2


async def test_the_audit_trail_has_days_of_its_own() -> None:
    for days in (None, 30):
        audit = Trimmed()
        keeping = housekeeping(days, Trimmed(), Trimmed(), audit)
        keeping.tick(5.0)
        await done(keeping)
        assert audit.asked == [START_MS - 7 * DAY_MS]


async def test_no_thread_and_no_dataset_is_removed_where_no_days_are_set() -> None:
    log, ledger = Trimmed(), Trimmed()
    keeping = housekeeping(None, log, ledger)
    keeping.tick(5.0)
    await done(keeping)
    assert await keeping.remove_old() == (0, 0)
    assert log.asked == ledger.asked == []


@pytest.mark.parametrize("days", [None, 30])
async def test_idempotency_keys_go_step_by_step_when_they_do_not_count_any_more_also_where_no_days_are_set(
    days: int | None,
) -> None:
    log = Trimmed()
    keeping = housekeeping(days, log, Trimmed())
    keeping.tick(5.0)
    await done(keeping)
    before_ms = START_MS - KEY_LIFETIME_MS - CLOCKS_MS
    assert log.expired == [(before_ms, ("", "")), (before_ms, ("user_ada", "k1")), (before_ms, ("user_ada", "k2"))]
    keeping.tick(5.0 + EVERY_S)
    await done(keeping)
    assert len(log.expired) == 6
    assert await keeping.remove_requests() == 6
    assert log.pauses == [PAUSE_S] * 6  # between two looks of a round, not before the first of it


async def test_how_much_was_removed_is_told() -> None:
    assert await housekeeping(1, Trimmed(), Trimmed()).remove_old() == (1, 1)


async def test_one_round_at_a_time_and_the_end_stops_it() -> None:
    log, ledger = Trimmed(), Trimmed()
    log.turn.clear()
    keeping = housekeeping(1, log, ledger)
    keeping.tick(0.0)
    await asyncio.sleep(0)
    keeping.tick(EVERY_S * 2)
    await asyncio.sleep(0)
    assert (len(log.asked), ledger.asked) == (1, [])
    await keeping.close()
    await keeping.close()
    assert keeping._work is None


async def test_a_round_that_fails_is_logged_and_tried_again_a_day_later(caplog: pytest.LogCaptureFixture) -> None:
    log, ledger = Trimmed(fails=True), Trimmed()
    keeping = housekeeping(1, log, ledger)
    keeping.tick(0.0)
    await done(keeping)
    assert "retention failed" in caplog.text
    keeping.tick(EVERY_S)
    await done(keeping)
    assert len(log.asked) == 2


async def test_files_that_no_message_claims_are_let_go_of_every_hour_so_that_none_is_kept_for_longer_than_a_day() -> (
    None
):
    files = Expiring()
    keeping = housekeeping(None, Trimmed(), Trimmed(), files=files)
    for now in (0.0, 1.0, 2.0, FILES_EVERY_S, FILES_EVERY_S + 1.0, FILES_EVERY_S + 2.0):
        keeping.tick(now)
        await done(keeping)
    assert files.margins == [int(FILES_EVERY_S * 1000)] * 2  # at 1.0, after what is done daily, and an hour later


@pytest.mark.parametrize("days", [None, 30])
async def test_what_model_requests_cost_goes_with_the_days_that_are_kept(days: int | None) -> None:
    log = Trimmed()
    keeping = housekeeping(days, log, Trimmed())
    keeping.tick(5.0)
    await done(keeping)
    assert log.budgets.kept == [days]
