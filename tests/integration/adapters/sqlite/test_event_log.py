"""A process that is killed while it appends under load loses nothing that it had told."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters.sqlite import event_log
from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.core.history import RunPlace
from test_framework.clock import ManualClock
from test_framework.log_story import LogStory, positions
from test_framework.reaper import in_child

WRITER = """
import asyncio, os, random, sys
from pathlib import Path
from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from test_framework.clock import ManualClock
from test_framework.log_story import LogStory

async def main(path, seed):
    rng = random.Random(seed)
    story = LogStory()
    def publish(chunks):
        story.publish(chunks)
        lines = [f"{told.thread_id} {told.run_id} {told.first} {len(told.frames)}" for told in story.published]
        story.published.clear()
        os.write(1, ("\\n".join(lines) + "\\n").encode())
    log = SqliteEventLog(Path(path), ManualClock(), asyncio.get_running_loop(), publish, story.failed)
    story.tell(log)
    heads = [story.thread(f"user_{n}") for n in range(20)]
    while True:
        for _ in range(rng.randrange(1, 40)):
            run = story.run(rng.choice(heads), key=f"k{rng.random()}")
            for _ in range(rng.randrange(1, 8)):
                story.write(run, "x" * rng.randrange(400))
            story.write(run, ends=True)
        await asyncio.sleep(0)
        await log.durable(run)

asyncio.run(main(*sys.argv[1:]))
"""


def killed_writer(path: Path, seed: str, lines: int) -> list[str]:
    """What a writing process had told when it was killed, soon after so many lines."""
    told: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), seed], stdout=subprocess.PIPE, text=True, preexec_fn=in_child()
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told.append(line)
            if len(told) == lines:
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return [line for line in told if line.endswith("\n")]  # the last one may be cut


@pytest.mark.parametrize("moment", range(3))
async def test_every_position_that_was_told_is_there_after_a_kill(
    tmp_path: Path, rng: random.Random, seed: str, moment: int
) -> None:
    print("seed", seed)
    path = tmp_path / "events.db"
    told = killed_writer(path, seed, rng.randrange(200, 3000))
    tops: dict[str, int] = defaultdict(int)
    story = LogStory()
    log = SqliteEventLog(path, ManualClock(), asyncio.get_running_loop(), story.publish, story.failed)
    story.tell(log)
    runs = set()
    for line in told:
        thread_id, run_id, first, count = line.split()
        assert int(first) == tops[thread_id] + 1, "told out of order"
        tops[thread_id] += int(count)
        runs.add(run_id)
    assert sum(tops.values()) > 200
    for thread_id, top in tops.items():
        head = await log.find(thread_id)
        assert head is not None
        assert head.durable >= top
        frames = await story.read(head)
        assert positions(frames) == list(range(1, head.durable + 1))
        assert runs >= {json.loads(frame)["run"] for frame in frames[:top]}
        again = story.run(head)
        story.write(again, ends=True)
        await log.durable(again)
        assert positions(await story.read(head))[-1] == head.top
    for run_id in rng.sample(sorted(runs), 20):
        stored = await log.run(run_id)
        assert stored is not None
        assert len(await log.run_frames(stored)) >= 1
    await log.close()


async def test_a_users_read_waits_for_no_more_than_a_slice_of_anothers_long_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = LogStory()
    log = SqliteEventLog(tmp_path / "events.db", ManualClock(), asyncio.get_running_loop(), story.publish, story.failed)
    story.tell(log)
    head, theirs = story.thread(), story.thread("user_bob")
    for _ in range(1500):
        run = story.run(head)
        story.write(run)
        await log.durable(run)
        story.write(run, ends=True)
        await log.durable(run)
    last = story.run(theirs)
    story.write(last, ends=True)
    await log.durable(last)
    first = RunPlace(1 << 60, head.thread_id, 2)

    async def walk() -> int:
        return len(await log.runs("user_ada", limit=9, thread_id=head.thread_id, after=first))

    async def replay() -> int:
        return len([frame async for page in log.pages(head, 0, head.durable) for frame in page])

    slices: list[object] = []
    advance = event_log._next

    def counted(going_on: Any) -> Any:
        slices.append(going_on)
        return advance(going_on)

    monkeypatch.setattr(event_log, "_next", counted)
    for read, found in ((walk, 1), (replay, 3000)):
        slices.clear()
        long_ones = [asyncio.ensure_future(read()) for _ in range(8)]
        await asyncio.sleep(0)
        assert len(await log.threads("user_bob", limit=9)) == 1
        assert len(slices) <= 3  # the one that had begun, one in turn, and one more while the answer comes here
        assert await asyncio.gather(*long_ones) == [found] * 8
    await log.close()
