"""What holds up the loop is named while it does, with its stack and its run; who was stopped from outside is not blamed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from netra_backend.app.server.loop_watchdog import LoopWatchdog
from test_framework.waiting import until

_PATIENCE_S = 20.0


class Watched:
    """A watchdog, whose finding ends what blocks."""

    def __init__(self, found: dict[str, str], **clocks: Callable[[], float]) -> None:
        self.named = threading.Event()
        self.blocks: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
        self._found = found
        self.watchdog = LoopWatchdog(
            0.1, self.run_of, lambda seconds, run_id: self.blocks.put_nowait((seconds, run_id)), **clocks
        )

    def run_of(self, frame: FrameType) -> dict[str, str]:
        self.named.set()
        return self._found

    def stuck(self) -> None:
        """Code that holds up the loop."""
        assert self.named.wait(_PATIENCE_S)


@pytest.mark.parametrize("found", [{"run_id": "run_1", "agent": "golden"}, {}])
async def test_code_that_blocks_is_named_with_its_stack(
    found: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(found)
    with watched.watchdog:
        watched.stuck()
        seconds, run_id = await watched.blocks.get()
        record = await until(lambda: next((each for each in caplog.records if "is blocked" in each.message), None))
    assert run_id == found.get("run_id", "")
    assert "stuck" in record.__dict__["stack"]
    assert record.__dict__.get("agent") == found.get("agent")
    assert watched.watchdog.counts() == {"blocked": 1, "blocked_s": round(seconds)}


async def test_a_process_that_was_stopped_blames_nobody_and_knows_for_how_long() -> None:
    now = [0.0]
    watched = Watched({"run_id": "run_1"}, monotonic=lambda: now[0], worked=lambda: 0.0)
    with watched.watchdog:
        now[0] = 31.0
        seconds, run_id = await watched.blocks.get()
    assert (seconds, run_id, watched.named.is_set()) == (31.0, "", False)


async def test_a_loop_that_goes_on_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    ticks: asyncio.Queue[int] = asyncio.Queue()

    def monotonic() -> float:
        ticks.put_nowait(1) if threading.current_thread() is threading.main_thread() else None
        return 0.0

    watched: Any = Watched({}, monotonic=monotonic)
    with watched.watchdog:
        for _ in range(3):
            await ticks.get()
    assert (watched.watchdog.counts(), caplog.records) == ({"blocked": 0, "blocked_s": 0}, [])
