"""What every adapter of ``Datasets`` must do. Two of them over one place are two processes of one fleet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from netra_backend.app.adapters.datasets.bucket import Bucket
from netra_backend.app.adapters.datasets.cache import DatasetCache
from netra_backend.app.adapters.datasets.local import LocalDatasets
from netra_backend.app.adapters.datasets.object_store import ObjectDatasets
from netra_backend.app.adapters.datasets.port import ROWS_FILE, Dataset, Datasets, DatasetsChanged
from netra_backend.app.core.errors import InvalidContextError, ToolError
from netra_backend.app.core.limits import Limits
from test_framework.clock import ManualClock, SeededEntropy
from test_framework.dataset_story import MOST, dataset, kept, rows_of

Another = Callable[[], Awaitable[Datasets]]


def local(request: pytest.FixtureRequest, place: Path, number: int) -> Datasets:
    return LocalDatasets(place / "usage")


def in_a_store(request: pytest.FixtureRequest, place: Path, number: int) -> Datasets:
    bucket = request.getfixturevalue("object_bucket")
    clock = ManualClock()
    cache = DatasetCache(place / f"machine-{number}", "token", clock, Limits(copies_bytes=1 << 20))
    return ObjectDatasets(Bucket(bucket.url), cache, clock, SeededEntropy(number))


ADAPTERS = {"local": local, "s3": in_a_store}


@pytest.fixture(params=ADAPTERS)
async def another(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Another]:
    """Makes one more process's datasets, over the same place."""
    made: list[Datasets] = []
    async with AsyncExitStack() as stack:

        async def make() -> Datasets:
            datasets = ADAPTERS[request.param](request, tmp_path, len(made))
            made.append(datasets)
            stack.push_async_callback(datasets.close)
            await datasets.start()
            return datasets

        yield make


@pytest.fixture
async def datasets(another: Another) -> Datasets:
    return await another()


@pytest.fixture
async def elsewhere(datasets: Datasets, another: Another) -> Datasets:
    return await another()


async def test_who_has_no_datasets_has_none(datasets: Datasets) -> None:
    assert await datasets.of("alice") == []
    assert await rows_of(datasets, "alice") == []


async def test_a_dataset_is_seen_everywhere_once_it_is_committed_and_not_before(
    datasets: Datasets, elsewhere: Datasets
) -> None:
    async with datasets.stage("alice", "data_1") as staged:
        (staged.directory / ROWS_FILE).write_text("rows")
        assert await datasets.of("alice") == await elsewhere.of("alice") == []
        assert await staged.commit(dataset("data_1"), MOST) == dataset("data_1")
        assert await datasets.of("alice") == await elsewhere.of("alice") == [dataset("data_1")]
    assert await rows_of(datasets, "alice") == await rows_of(elsewhere, "alice") == ["rows"]


async def test_a_stage_that_is_left_without_a_commit_leaves_nothing(datasets: Datasets) -> None:
    async with datasets.stage("alice", "data_1") as staged:
        (staged.directory / ROWS_FILE).write_text("rows")
    assert not staged.directory.exists()
    assert await datasets.of("alice") == []


async def test_datasets_come_oldest_first_and_only_the_owners(datasets: Datasets) -> None:
    await kept(datasets, "alice", dataset("data_b", at=2))
    await kept(datasets, "alice", dataset("data_c", at=1))
    await kept(datasets, "bob", dataset("data_a", at=0))
    assert [found.dataset_id for found in await datasets.of("alice")] == ["data_c", "data_b"]
    assert await datasets.of("carol") == []


async def test_the_same_file_is_one_dataset_whichever_process_commits_it_first(
    datasets: Datasets, elsewhere: Datasets
) -> None:
    committed = await asyncio.gather(
        kept(datasets, "alice", dataset("data_1", fingerprint="same"), rows="1"),
        kept(elsewhere, "alice", dataset("data_2", fingerprint="same"), rows="2"),
    )
    assert committed[0] == committed[1]
    assert await datasets.of("alice") == await elsewhere.of("alice") == [committed[0]]
    assert await rows_of(datasets, "alice") == [committed[0].dataset_id[-1]]
    others = await kept(elsewhere, "bob", dataset("data_3", fingerprint="same"))
    assert others.dataset_id == "data_3"


async def test_many_that_are_committed_at_once_are_all_there(datasets: Datasets, elsewhere: Datasets) -> None:
    ids = [f"data_{number}" for number in range(8)]
    places = (datasets, elsewhere)
    await asyncio.gather(*(kept(places[n % 2], "alice", dataset(each), rows=each) for n, each in enumerate(ids)))
    assert [each.dataset_id for each in await elsewhere.of("alice")] == ids
    assert await rows_of(datasets, "alice") == ids


async def test_no_more_are_kept_than_allowed_however_many_come_at_once(datasets: Datasets, elsewhere: Datasets) -> None:
    places = (datasets, elsewhere)
    outcomes = await asyncio.gather(
        *(kept(places[n % 2], "alice", dataset(f"data_{n}"), most=2) for n in range(6)), return_exceptions=True
    )
    assert len([each for each in outcomes if isinstance(each, Dataset)]) == 2
    assert all("which is the limit" in str(each) for each in outcomes if not isinstance(each, Dataset))
    assert len(await datasets.of("alice")) == 2


async def test_what_is_deleted_is_nowhere_answered_from_again(datasets: Datasets, elsewhere: Datasets) -> None:
    await kept(datasets, "alice", dataset("data_1"), rows="1")
    await kept(datasets, "alice", dataset("data_2"), rows="2")
    before = await elsewhere.of("alice")
    assert await rows_of(elsewhere, "alice") == ["1", "2"]
    assert await datasets.delete("alice", "data_1") is True
    assert await datasets.delete("alice", "data_1") is False
    assert await elsewhere.delete("alice", "data_1") is False
    assert await elsewhere.of("alice") == [dataset("data_2")]
    with pytest.raises(DatasetsChanged):
        async with elsewhere.files("alice", before):
            raise AssertionError("there are no such files")
    assert await rows_of(elsewhere, "alice") == ["2"]


async def test_everything_of_an_owner_can_be_deleted_and_begun_anew(datasets: Datasets, elsewhere: Datasets) -> None:
    await kept(datasets, "alice", dataset("data_1"))
    await kept(elsewhere, "alice", dataset("data_2"))
    await kept(datasets, "bob", dataset("data_3"))
    await datasets.delete_owner("alice")
    await elsewhere.delete_owner("alice")
    await elsewhere.delete_owner("carol")
    assert await datasets.of("alice") == await elsewhere.of("alice") == []
    assert await elsewhere.of("bob") == [dataset("data_3")]
    await kept(elsewhere, "alice", dataset("data_4", fingerprint="data_1"), rows="4")
    assert await rows_of(datasets, "alice") == ["4"]


async def test_an_import_that_began_before_its_owner_was_deleted_commits_nothing(
    datasets: Datasets, elsewhere: Datasets
) -> None:
    async with elsewhere.stage("alice", "data_1") as staged:
        (staged.directory / ROWS_FILE).write_text("rows")
        await datasets.delete_owner("alice")
        with pytest.raises(ToolError, match="was deleted during"):
            await staged.commit(dataset("data_1"), MOST)
    assert not staged.directory.exists()
    assert await datasets.of("alice") == await elsewhere.of("alice") == []
    await kept(elsewhere, "alice", dataset("data_2"))
    assert await datasets.of("alice") == [dataset("data_2")]


async def test_an_import_and_a_deletion_at_once_leave_all_of_it_or_nothing(
    datasets: Datasets, elsewhere: Datasets
) -> None:
    for round_ in range(5):
        told = dataset(f"data_{round_}")
        await asyncio.gather(kept(elsewhere, "alice", told), datasets.delete_owner("alice"), return_exceptions=True)
        seen = await datasets.of("alice")
        assert seen in ([], [told])
        assert await rows_of(elsewhere, "alice") == ["rows"] * len(seen)
        await datasets.delete_owner("alice")


async def test_anothers_dataset_is_as_absent_as_one_that_never_was(datasets: Datasets) -> None:
    await kept(datasets, "alice", dataset("data_1"))
    assert await datasets.delete("bob", "data_1") is False
    with pytest.raises(DatasetsChanged):
        async with datasets.files("bob", [dataset("data_1")]):
            raise AssertionError("these are no files of bob's")
    assert await datasets.of("alice") == [dataset("data_1")]


async def test_what_was_imported_before_a_moment_is_removed_whoevers_it_is(
    datasets: Datasets, elsewhere: Datasets
) -> None:
    await kept(datasets, "alice", dataset("data_old", at=1))
    await kept(datasets, "alice", dataset("data_new", at=2**50))
    await kept(datasets, "bob", dataset("data_old", at=4))
    assert await elsewhere.trim(2**49) == 2
    assert await datasets.trim(2**49) == 0
    assert [found.dataset_id for found in await datasets.of("alice")] == ["data_new"]
    assert await datasets.of("bob") == []


async def test_tidying_beside_living_processes_takes_nothing_from_them(datasets: Datasets, elsewhere: Datasets) -> None:
    await kept(datasets, "alice", dataset("data_1"), rows="1")
    async with datasets.stage("alice", "data_2") as staged:
        (staged.directory / ROWS_FILE).write_text("2")
        await elsewhere.tidy()
        await datasets.tidy()
        await staged.commit(dataset("data_2"), MOST)
    assert await rows_of(elsewhere, "alice") == ["1", "2"]


async def test_local_files_are_private_and_their_paths_tell_nothing(datasets: Datasets) -> None:
    await kept(datasets, "alice", dataset("data_1"))
    async with datasets.files("alice", await datasets.of("alice")) as paths:
        assert "alice" not in str(paths[0])
        assert any(str(paths[0]).startswith(secret) for secret in datasets.secrets)
        assert paths[0].parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["../bob", "a/b", "", ".hidden", "placeholder_1", "a" * 129, "a\0b"])
async def test_a_name_that_is_no_id_leads_nowhere(datasets: Datasets, name: str) -> None:
    calls = (
        partial(datasets.of, name),
        partial(datasets.delete, name, "data_1"),
        partial(datasets.delete, "alice", name),
        partial(datasets.delete_owner, name),
        partial(kept, datasets, name, dataset("data_1")),
        partial(kept, datasets, "alice", dataset(name)),
    )
    for call in calls:
        with pytest.raises(InvalidContextError):
            await call()
