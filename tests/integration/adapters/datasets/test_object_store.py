"""Datasets in a real S3-compatible store that misbehaves on demand: what the contract cannot see."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters.datasets import object_store as module
from netra_backend.app.adapters.datasets.bucket import Bucket
from netra_backend.app.adapters.datasets.cache import DatasetCache
from netra_backend.app.adapters.datasets.object_store import ObjectDatasets
from netra_backend.app.adapters.datasets.port import ROWS_FILE, Dataset, DatasetsChanged, folder_of
from netra_backend.app.adapters.ledger.ledger import DuckDBLedger
from netra_backend.app.core.errors import ConfigurationError, DependencyUnavailable, ToolError
from netra_backend.app.core.limits import Limits
from netra_backend.app.usage.questions import QUESTIONS
from test_framework.clock import ManualClock, SeededEntropy
from test_framework.dataset_story import dataset, kept, rows_of
from test_framework.object_bucket import ObjectBucket

QUICK = Limits(object_connect_s=2, object_answer_s=5, object_part_s=5, object_retries=0)
ALICE = f"netra/{folder_of('alice')}"
ROW = '{"timestamp": "2026-11-01T10:00:00Z", "model": "m", "input_tokens": 10, "output_tokens": 1}\n'
"""One request."""


class Machine:
    """One process's view of the store."""

    def __init__(self, url: str, place: Path, most_bytes: int = 1 << 20) -> None:
        self.clock = ManualClock()
        self.cache = DatasetCache(place, "token", self.clock, Limits(copies_bytes=most_bytes))
        self.datasets = ObjectDatasets(Bucket(url, limits=QUICK), self.cache, self.clock, SeededEntropy(str(place)))

    def copies(self) -> list[str]:
        return sorted(path.name for path in self.cache.directory.rglob("*") if path.is_file())


@asynccontextmanager
async def started(machine: Machine) -> AsyncIterator[Machine]:
    await machine.datasets.start()
    yield machine
    await machine.datasets.close()


@pytest.fixture
async def machine(object_bucket: ObjectBucket, tmp_path: Path) -> AsyncIterator[Machine]:
    async with started(Machine(object_bucket.url, tmp_path / "machine")) as machine:
        yield machine


@pytest.fixture
async def another(object_bucket: ObjectBucket, tmp_path: Path) -> AsyncIterator[Machine]:
    async with started(Machine(object_bucket.url, tmp_path / "another")) as machine:
        yield machine


async def test_keys_begin_with_the_owner_and_tell_nothing(machine: Machine, object_bucket: ObjectBucket) -> None:
    await kept(machine.datasets, "alice", dataset("data_1"))
    assert object_bucket.listed() == [f"{ALICE}/catalogue.json", f"{ALICE}/data_1.duckdb"]
    assert "alice" not in ALICE


async def test_a_deleted_dataset_is_gone_from_the_store_and_from_every_copy(
    machine: Machine, another: Machine, object_bucket: ObjectBucket
) -> None:
    await kept(machine.datasets, "alice", dataset("data_1"))
    await kept(machine.datasets, "alice", dataset("data_2"))
    await rows_of(another.datasets, "alice")
    assert machine.copies() == another.copies() == ["data_1-rows.duckdb", "data_2-rows.duckdb"]
    await machine.datasets.delete("alice", "data_1")
    assert object_bucket.listed() == [f"{ALICE}/catalogue.json", f"{ALICE}/data_2.duckdb"]
    assert machine.copies() == ["data_2-rows.duckdb"]
    await another.datasets.tidy()
    assert another.copies() == ["data_2-rows.duckdb"]


async def test_of_a_deleted_user_one_number_is_left_so_that_what_began_before_is_known(
    machine: Machine, another: Machine, object_bucket: ObjectBucket
) -> None:
    await kept(machine.datasets, "alice", dataset("data_1", fingerprint="canary"))
    await rows_of(another.datasets, "alice")
    object_bucket.put(f"{ALICE}/data_of-a-process-that-died.duckdb", b"half")
    await machine.datasets.delete_owner("alice")
    await another.datasets.tidy()
    assert [key for key in object_bucket.listed() if key.startswith(ALICE)] == [f"{ALICE}/catalogue.json"]
    assert b"canary" not in object_bucket.get(f"{ALICE}/catalogue.json")
    assert machine.copies() == another.copies() == []


async def test_what_is_needed_is_fetched_once_and_what_is_written_here_not_at_all(
    machine: Machine, another: Machine, object_bucket: ObjectBucket
) -> None:
    await kept(machine.datasets, "alice", dataset("data_1"))
    assert await rows_of(another.datasets, "alice") == ["rows"]
    object_bucket.go_wrong({"kind": "500", "method": "GET", "key": "data_1", "times": 100})
    assert await rows_of(machine.datasets, "alice") == await rows_of(another.datasets, "alice") == ["rows"]


async def test_copies_are_bounded(object_bucket: ObjectBucket, machine: Machine, tmp_path: Path) -> None:
    small = Machine(object_bucket.url, tmp_path / "small", most_bytes=10)
    await small.datasets.start()
    for owner, dataset_id in (("alice", "data_1"), ("bob", "data_2"), ("carol", "data_3")):
        await kept(machine.datasets, owner, dataset(dataset_id))
        assert await rows_of(small.datasets, owner) == ["rows"]
    assert small.copies() == ["data_2-rows.duckdb", "data_3-rows.duckdb"]
    await kept(machine.datasets, "dave", dataset("data_4"), rows="x" * 11)
    with pytest.raises(ToolError) as caught:
        await rows_of(small.datasets, "dave")
    assert caught.value.code == "RESULT_TOO_LARGE"
    await kept(small.datasets, "erin", dataset("data_5"), rows="x" * 11)
    assert await rows_of(machine.datasets, "erin") == ["x" * 11]
    await small.datasets.close()


async def test_a_copy_is_never_answered_from_while_the_store_cannot_be_asked(
    machine: Machine, object_bucket: ObjectBucket
) -> None:
    await kept(machine.datasets, "alice", dataset("data_1"))
    known = await machine.datasets.of("alice")
    object_bucket.go_wrong({"kind": "500", "times": 1000})
    with pytest.raises(DependencyUnavailable):
        await machine.datasets.of("alice")
    with pytest.raises(DependencyUnavailable):
        async with machine.datasets.files("alice", known):
            raise AssertionError("nobody knows whether it is still there")
    object_bucket.go_wrong()
    assert await rows_of(machine.datasets, "alice") == ["rows"]


async def test_a_copy_that_came_otherwise_than_it_was_put_is_fetched_again_and_never_used(
    machine: Machine, another: Machine, object_bucket: ObjectBucket
) -> None:
    await kept(machine.datasets, "alice", dataset("data_1"))
    object_bucket.go_wrong({"kind": "altered", "method": "GET", "key": "data_1", "times": 1})
    assert await rows_of(another.datasets, "alice") == ["rows"]
    await machine.datasets.delete("alice", "data_1")
    await kept(machine.datasets, "alice", dataset("data_2"))
    object_bucket.put(f"{ALICE}/data_2.duckdb", b"swor")
    with pytest.raises(DependencyUnavailable, match="something other than what was written"):
        await rows_of(another.datasets, "alice")
    assert another.copies() == []


async def test_an_upload_that_fails_leaves_the_catalogue_alone(machine: Machine, object_bucket: ObjectBucket) -> None:
    object_bucket.go_wrong({"kind": "500", "method": "PUT", "key": "data_1", "times": 100})
    with pytest.raises(DependencyUnavailable):
        await kept(machine.datasets, "alice", dataset("data_1"))
    object_bucket.go_wrong()
    assert await machine.datasets.of("alice") == []
    assert object_bucket.listed() == []
    assert machine.copies() == []


async def test_a_commit_whose_answer_was_lost_is_found_to_have_been_done(
    machine: Machine, object_bucket: ObjectBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Bucket.write

    async def answer_lost(bucket: Bucket, key: str, body: bytes, *, over: str | None) -> str | None:
        await write(bucket, key, body, over=over)
        return None

    monkeypatch.setattr(Bucket, "write", answer_lost)
    assert await kept(machine.datasets, "alice", dataset("data_1")) == dataset("data_1")
    assert await machine.datasets.delete("alice", "data_1") is True
    assert await machine.datasets.of("alice") == []


async def test_rows_stay_where_it_is_not_known_whether_the_catalogue_names_them(
    machine: Machine, another: Machine, object_bucket: ObjectBucket
) -> None:
    object_bucket.go_wrong({"kind": "lost", "method": "PUT", "key": "catalogue", "times": 1})
    with pytest.raises(DependencyUnavailable):
        await kept(machine.datasets, "alice", dataset("data_1"))
    assert await another.datasets.of("alice") == [dataset("data_1")]
    assert await rows_of(another.datasets, "alice") == ["rows"]
    again = await kept(another.datasets, "alice", dataset("data_2", fingerprint="data_1"))
    assert again == dataset("data_1")
    assert f"{ALICE}/data_2.duckdb" not in object_bucket.listed()


async def test_what_could_not_be_named_is_removed_again(machine: Machine, object_bucket: ObjectBucket) -> None:
    await kept(machine.datasets, "alice", dataset("data_1"))
    with pytest.raises(ToolError):
        await kept(machine.datasets, "alice", dataset("data_2"), most=1)
    assert object_bucket.listed() == [f"{ALICE}/catalogue.json", f"{ALICE}/data_1.duckdb"]


async def test_a_process_that_was_frozen_for_long_after_its_upload_commits_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove = Bucket.prove
    times = 0

    async def frozen(bucket: Bucket) -> None:
        nonlocal times
        times += 1
        if times == 2:  # the second time is after the upload
            machine.clock.advance(s=module.COMMIT_WITHIN_S + 1)
        await prove(bucket)

    monkeypatch.setattr(Bucket, "prove", frozen)
    with pytest.raises(DependencyUnavailable, match="too late"):
        await kept(machine.datasets, "alice", dataset("data_1"))
    assert await machine.datasets.of("alice") == []


async def test_a_catalogue_that_others_change_all_the_time_is_given_up(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(bucket: Bucket, key: str, body: bytes, *, over: str | None) -> None:
        """Somebody else was faster."""

    monkeypatch.setattr(Bucket, "write", never)
    with pytest.raises(DependencyUnavailable, match="at once"):
        await machine.datasets.delete_owner("alice")


async def test_rows_that_cannot_be_removed_with_their_dataset_are_swept(
    machine: Machine, object_bucket: ObjectBucket
) -> None:
    await kept(machine.datasets, "alice", dataset("data_1"))
    object_bucket.go_wrong({"kind": "500", "method": "POST", "times": 100})
    assert await machine.datasets.delete("alice", "data_1") is True
    object_bucket.go_wrong()
    assert await machine.datasets.of("alice") == []
    assert f"{ALICE}/data_1.duckdb" in object_bucket.listed()
    assert await machine.datasets.sweep(before_ms=2**50) == 1
    assert object_bucket.listed() == [f"{ALICE}/catalogue.json"]


async def test_a_fleet_sweeps_once_a_day_and_only_what_no_catalogue_names(
    machine: Machine, another: Machine, object_bucket: ObjectBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(machine.datasets, "alice", dataset("data_1"))
    object_bucket.put(f"{ALICE}/data_orphan.duckdb", b"half")
    swept: list[ObjectDatasets] = []
    sweep = ObjectDatasets.sweep

    async def sweeping(datasets: ObjectDatasets, before_ms: int) -> int:
        swept.append(datasets)
        return await sweep(datasets, before_ms)

    monkeypatch.setattr(ObjectDatasets, "sweep", sweeping)
    await machine.datasets.tidy()
    await another.datasets.tidy()
    await machine.datasets.tidy()
    assert swept == [machine.datasets]
    assert f"{ALICE}/data_orphan.duckdb" not in object_bucket.listed()  # in this test's time it is years old
    for each in (machine, another):
        each.clock.advance(ms=module.SWEEP_EVERY_MS + 1)
    await another.datasets.tidy()
    await machine.datasets.tidy()
    assert swept == [machine.datasets, another.datasets]
    assert await rows_of(another.datasets, "alice") == ["rows"]


async def test_what_was_put_lately_is_not_swept(machine: Machine, object_bucket: ObjectBucket) -> None:
    object_bucket.put(f"{ALICE}/data_orphan.duckdb", b"half")
    assert await machine.datasets.sweep(before_ms=1) == 0
    assert object_bucket.listed() == [f"{ALICE}/data_orphan.duckdb"]


async def test_rows_that_are_missing_are_told_as_what_may_pass(machine: Machine, object_bucket: ObjectBucket) -> None:
    await kept(machine.datasets, "alice", dataset("data_1"))
    machine.cache.keep_only(folder_of("alice"), ())
    object_bucket.delete(f"{ALICE}/data_1.duckdb")
    with pytest.raises(DatasetsChanged):
        await rows_of(machine.datasets, "alice")


async def test_a_store_that_is_down_at_the_start_is_used_once_it_is_there(
    object_bucket: ObjectBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(object_bucket.url, tmp_path / "machine")
    prove = Bucket.prove

    async def down(bucket: Bucket) -> None:
        raise DependencyUnavailable("down")

    monkeypatch.setattr(Bucket, "prove", down)
    await machine.datasets.start()
    monkeypatch.setattr(Bucket, "prove", prove)
    await kept(machine.datasets, "alice", dataset("data_1"))
    assert await machine.datasets.of("alice") == [dataset("data_1")]
    await machine.datasets.close()


async def test_nothing_is_written_to_a_store_that_ignores_conditions(
    object_bucket: ObjectBucket, tmp_path: Path
) -> None:
    object_bucket.go_wrong({"kind": "ignored", "method": "PUT", "times": 1000})
    machine = Machine(object_bucket.url, tmp_path / "machine")
    with pytest.raises(ConfigurationError):
        await machine.datasets.start()
    with pytest.raises(ConfigurationError):
        await kept(machine.datasets, "alice", dataset("data_1"))
    assert object_bucket.listed() == []
    await machine.datasets.close()


async def test_a_commit_that_is_cancelled_is_waited_for(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()
    publish = ObjectDatasets.publish

    async def waiting(*given: Any) -> Dataset:
        began.set()
        await go_on.wait()
        return await publish(*given)

    monkeypatch.setattr(ObjectDatasets, "publish", waiting)
    task = asyncio.create_task(kept(machine.datasets, "alice", dataset("data_1")))
    await began.wait()
    task.cancel()
    asyncio.get_running_loop().call_soon(go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await rows_of(machine.datasets, "alice") == ["rows"]


async def test_many_owners_are_known_and_no_more_than_that(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KNOWN", 2)
    for owner in ("alice", "bob", "carol"):
        await kept(machine.datasets, owner, dataset("data_1"))
        await machine.datasets.of(owner)
    assert len(machine.datasets._known) == 2
    assert await machine.datasets.of("alice") == [dataset("data_1")]


async def test_a_ledger_answers_from_a_store_for_a_user_of_another_machine_and_keys_stay_with_it(
    machine: Machine, another: Machine, object_bucket: ObjectBucket, tmp_path: Path
) -> None:
    plain = {name: QUESTIONS[name] for name in ("data_profile", "database_query")}
    ledgers = [
        DuckDBLedger(tmp_path / "unused", each.clock, SeededEntropy(number), datasets=each.datasets, questions=plain)
        for number, each in enumerate((machine, another))
    ]
    (tmp_path / "usage.jsonl").write_text(ROW * 3)
    told = await ledgers[0].import_usage("alice", tmp_path / "usage.jsonl", {}, lambda done, total: None)
    assert (await ledgers[1].ask("alice", "data_profile", {}))["rows"] == 3
    for pid in ledgers[1].children.pids.values():
        environment = await asyncio.to_thread(Path(f"/proc/{pid}/environ").read_bytes)
        assert b"canary" not in environment.lower()
        assert b"AWS_" not in environment
    await ledgers[0].delete_dataset("alice", told["dataset_id"])
    assert (await ledgers[1].ask("alice", "data_profile", {}))["rows"] == 0
    assert not (tmp_path / "unused").exists()
    object_bucket.go_wrong({"kind": "500", "times": 1000})
    with pytest.raises(DependencyUnavailable):
        await ledgers[1].ask("alice", "data_profile", {})
    object_bucket.go_wrong()
    assert another.copies() == []
    for ledger in ledgers:
        await ledger.close()


async def test_a_stage_that_cannot_be_made_leaves_the_rest(machine: Machine, tmp_path: Path) -> None:
    (machine.cache.directory / "staged-data_1").mkdir()
    with pytest.raises(FileExistsError):
        await kept(machine.datasets, "alice", dataset("data_1"))
    assert (machine.cache.directory / "staged-data_1").exists()
    assert ROWS_FILE not in machine.copies()
