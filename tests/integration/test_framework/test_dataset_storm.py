"""Several real processes over one place of datasets, killed and not: what is there is whole, and nothing deleted comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netra_backend.app.adapters.datasets.local import LocalDatasets
from netra_backend.app.adapters.datasets.port import Datasets, folder_of
from test_framework import dataset_storm
from test_framework.dataset_storm import OWNERS, Storm, datasets_in
from test_framework.dataset_story import dataset, kept
from test_framework.object_bucket import ObjectBucket

PROCESSES = 4
ROUNDS = 40


def raging(place: str, seed: str, rounds: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "test_framework.dataset_storm", place, seed, str(rounds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONWARNINGS": ""})


def last_line(process: subprocess.Popen[str]) -> str:
    told, _ = process.communicate()
    return told.splitlines()[-1] if told else f"ended with {process.returncode} and said nothing"


def kill_after(process: subprocess.Popen[str], rounds: int) -> None:
    """Kill -9 in the middle of the round after so many."""
    assert process.stdout is not None
    for _ in range(rounds):
        process.stdout.readline()
    process.kill()
    process.communicate()


async def judged(datasets: Datasets, seed: str) -> None:
    """What is there at the end is whole, for somebody who comes later."""
    await datasets.start()
    for owner in OWNERS:
        await Storm(datasets, seed).look(owner)
    await datasets.close()


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if path.name.startswith((".staged-", ".gone-"))]


async def test_processes_that_share_a_directory_do_each_other_no_harm(tmp_path: Path, seed: str) -> None:
    place = str(tmp_path / "usage")
    storms = [raging(place, f"s{number}", ROUNDS) for number in range(PROCESSES)]
    assert [await asyncio.to_thread(last_line, storm) for storm in storms] == ["held"] * PROCESSES
    await judged(LocalDatasets(tmp_path / "usage"), seed)
    assert leftovers(tmp_path) == []


async def test_processes_that_are_killed_leave_a_directory_whole(tmp_path: Path, seed: str) -> None:
    place = str(tmp_path / "usage")
    storms = [raging(place, f"s{number}", 10_000 if number < 2 else ROUNDS) for number in range(PROCESSES)]
    await asyncio.gather(*(asyncio.to_thread(kill_after, storm, 10) for storm in storms[:2]))
    assert [await asyncio.to_thread(last_line, storm) for storm in storms[2:]] == ["held"] * 2
    await judged(LocalDatasets(tmp_path / "usage"), seed)
    assert leftovers(tmp_path) == []


async def test_processes_that_share_a_store_do_each_other_no_harm_killed_or_not(
    object_bucket: ObjectBucket, tmp_path: Path, seed: str
) -> None:
    rounds = ROUNDS // 4
    places = [f"{object_bucket.url},{tmp_path / str(number)}" for number in range(PROCESSES)]
    storms = [raging(place, f"s{n}", 10_000 if n == 0 else rounds) for n, place in enumerate(places)]
    await asyncio.to_thread(kill_after, storms[0], 5)
    assert [await asyncio.to_thread(last_line, storm) for storm in storms[1:]] == ["held"] * (PROCESSES - 1)
    await judged(datasets_in(f"{object_bucket.url},{tmp_path / 'later'}"), seed)
    datasets = datasets_in(places[0])  # the machine of the one that was killed
    await datasets.start()
    copies = [path for path in (tmp_path / "0").rglob("*") if path.is_file() and path.name != ".lock"]
    await datasets.close()
    assert copies == []


async def test_the_storm_notices_what_was_deleted_and_comes_back(tmp_path: Path) -> None:
    datasets = LocalDatasets(tmp_path / "usage")
    storm = Storm(datasets, "s")
    await kept(datasets, "alice", dataset("data_1"))
    storm._deleted.add("data_1")
    with pytest.raises(AssertionError, match="deleted and seen"):
        await storm.look("alice")


async def test_the_storm_notices_rows_of_somebody_else(tmp_path: Path) -> None:
    datasets = LocalDatasets(tmp_path / "usage")
    await kept(datasets, "alice", dataset("data_1"), rows="bob's")
    with pytest.raises(AssertionError, match="not what was put"):
        await Storm(datasets, "s").look("alice")


async def test_the_storm_notices_one_file_twice(tmp_path: Path) -> None:
    datasets = LocalDatasets(tmp_path / "usage")
    await kept(datasets, "alice", dataset("data_1", fingerprint="one"))
    await kept(datasets, "alice", dataset("data_2", fingerprint="two"))
    about = tmp_path / "usage" / folder_of("alice") / "data_2" / "dataset.json"
    about.write_text(about.read_text().replace('"two"', '"one"'))
    with pytest.raises(AssertionError, match="too many"):
        await Storm(datasets, "s").look("alice")


async def test_what_did_not_hold_is_the_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await dataset_storm.main(str(tmp_path / "usage"), "s", 3) == 0
    assert capsys.readouterr().out.endswith("held\n")
    for owner in OWNERS:
        await kept(LocalDatasets(tmp_path / "usage"), owner, dataset("data_x"), rows="spoiled")
    assert await dataset_storm.main(str(tmp_path / "usage"), "s", 300) == 1
    assert "broken: not what was put: data_x" in capsys.readouterr().out
