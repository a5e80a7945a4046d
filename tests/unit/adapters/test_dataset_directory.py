from pathlib import Path

import pytest

from netra_backend.app.adapters.dataset_directory import Dataset, DatasetDirectory
from netra_backend.app.core.errors import InvalidContextError


def dataset(dataset_id: str, at: int = 1) -> Dataset:
    return Dataset(
        dataset_id=dataset_id,
        name="n",
        format="table",
        fingerprint="f",
        imported_at_ms=at,
        rows=1,
        rejected=0,
        first_ts_ms=0,
        last_ts_ms=0,
        capabilities=[],
        generated=False,
        priced_as=None,
        account={"notes": ["x"]},
    )


@pytest.fixture
def directory(tmp_path: Path) -> DatasetDirectory:
    return DatasetDirectory(tmp_path / "usage")


def committed(directory: DatasetDirectory, owner: str, dataset_id: str, at: int = 1) -> None:
    (directory.stage(owner, dataset_id) / "rows.duckdb").write_text("rows")
    directory.commit(owner, dataset(dataset_id, at))


def test_a_dataset_is_seen_once_it_is_committed_and_not_before(directory: DatasetDirectory) -> None:
    directory.stage("alice", "data_1")
    assert directory.datasets("alice") == []
    directory.discard("alice", "data_1")
    committed(directory, "alice", "data_1")
    assert directory.datasets("alice") == [dataset("data_1")]
    assert directory.rows_file("alice", "data_1").read_text() == "rows"


def test_datasets_come_oldest_first_and_only_the_owners(directory: DatasetDirectory) -> None:
    committed(directory, "alice", "data_b", at=2)
    committed(directory, "alice", "data_c", at=1)
    committed(directory, "bob", "data_a", at=0)
    assert [found.dataset_id for found in directory.datasets("alice")] == ["data_c", "data_b"]
    assert directory.datasets("carol") == []


def test_a_staged_dataset_that_is_discarded_leaves_nothing(directory: DatasetDirectory, tmp_path: Path) -> None:
    directory.stage("alice", "data_1")
    directory.discard("alice", "data_1")
    directory.discard("alice", "data_1")
    assert [path for path in tmp_path.rglob("*") if path.is_file() or "data_1" in path.name] == []


def test_what_a_killed_process_left_unfinished_is_removed_and_the_rest_kept(
    directory: DatasetDirectory, tmp_path: Path
) -> None:
    committed(directory, "alice", "data_1")
    staged = directory.stage("alice", "data_2")
    gone = staged.with_name(".gone-data_3")
    gone.mkdir()
    owner_gone = tmp_path / "usage" / ".gone-someone"
    owner_gone.mkdir()
    directory.recover()
    assert not any(path.exists() for path in (staged, gone, owner_gone))
    assert [found.dataset_id for found in directory.datasets("alice")] == ["data_1"]


def test_what_is_deleted_is_gone_from_the_disk(directory: DatasetDirectory, tmp_path: Path) -> None:
    committed(directory, "alice", "data_1")
    committed(directory, "alice", "data_2")
    assert directory.delete("alice", "data_1") is True
    assert directory.delete("alice", "data_1") is False
    assert [found.dataset_id for found in directory.datasets("alice")] == ["data_2"]
    directory.delete_owner("alice")
    directory.delete_owner("alice")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_another_owners_dataset_is_as_absent_as_one_that_never_was(directory: DatasetDirectory) -> None:
    committed(directory, "alice", "data_1")
    assert directory.delete("bob", "data_1") is False
    assert not directory.rows_file("bob", "data_1").exists()
    assert directory.datasets("alice")


def test_paths_tell_nothing_of_their_owner_and_are_closed_to_others(directory: DatasetDirectory) -> None:
    file = directory.rows_file("alice", "data_1")
    assert "alice" not in str(file)
    assert directory.rows_file("bob", "data_1").parts[-3] != file.parts[-3]
    assert directory.stage("alice", "data_1").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["../bob", "a/b", "", ".hidden", "placeholder_1", "a" * 129, "a\0b"])
def test_a_name_that_is_no_id_leads_nowhere(directory: DatasetDirectory, name: str) -> None:
    with pytest.raises(InvalidContextError):
        directory.rows_file("alice", name)
    with pytest.raises(InvalidContextError):
        directory.delete("alice", name)
    with pytest.raises(InvalidContextError):
        directory.stage("alice", name)
    with pytest.raises(InvalidContextError):
        directory.datasets(name)


def test_what_was_imported_before_a_moment_is_removed_whoevers_it_is(directory: DatasetDirectory) -> None:
    committed(directory, "alice", "data_old", at=1)
    committed(directory, "alice", "data_new", at=5)
    committed(directory, "bob", "data_old", at=4)
    assert sorted(directory.trim(5)) == sorted([directory.folder_of("alice"), directory.folder_of("bob")])
    assert directory.trim(5) == []
    assert [found.dataset_id for found in directory.datasets("alice")] == ["data_new"]
    assert directory.datasets("bob") == []
