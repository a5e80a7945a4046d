from pathlib import Path

import pytest

from netra_backend.app.adapters.datasets import directory as dataset_directory
from netra_backend.app.adapters.datasets.directory import DatasetDirectory
from netra_backend.app.adapters.datasets.held_directory import remove_unless_held
from netra_backend.app.core.errors import DependencyUnavailable, InvalidContextError, ToolError
from test_framework.dataset_story import MOST, dataset


@pytest.fixture
def directory(tmp_path: Path) -> DatasetDirectory:
    return DatasetDirectory(tmp_path / "usage")


def committed(directory: DatasetDirectory, owner: str, dataset_id: str, at: int = 1) -> None:
    (directory.stage(owner, dataset_id) / "rows.duckdb").write_text("rows")
    directory.commit(owner, dataset(dataset_id, at=at), MOST)
    directory.discard(owner, dataset_id)


def left_in(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and ".locks" not in path.parts]


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
    assert [path for path in tmp_path.rglob("*") if "data_1" in path.name] == []


def test_what_a_killed_process_left_unfinished_is_removed_and_the_rest_kept(
    directory: DatasetDirectory, tmp_path: Path
) -> None:
    committed(directory, "alice", "data_1")
    folder = directory.rows_file("alice", "data_1").parent.parent
    leftovers = [folder / ".staged-data_2", folder / ".gone-data_3", tmp_path / "usage" / ".gone-someone"]
    for leftover in leftovers:
        leftover.mkdir()
        (leftover / "rows.duckdb").write_text("half")
    directory.recover()
    assert not any(leftover.exists() for leftover in leftovers)
    assert [found.dataset_id for found in directory.datasets("alice")] == ["data_1"]


def test_what_a_living_process_is_making_is_left_alone(directory: DatasetDirectory, tmp_path: Path) -> None:
    staged = directory.stage("alice", "data_1")
    DatasetDirectory(tmp_path / "usage").recover()
    assert staged.is_dir()
    directory.commit("alice", dataset("data_1"), MOST)
    DatasetDirectory(tmp_path / "usage").recover()
    assert directory.datasets("alice") == [dataset("data_1")]


def test_the_same_file_is_one_dataset_whoever_commits_it_first(directory: DatasetDirectory, tmp_path: Path) -> None:
    other = DatasetDirectory(tmp_path / "usage")
    directory.stage("alice", "data_1")
    other.stage("alice", "data_2")
    first = other.commit("alice", dataset("data_2", fingerprint="same"), MOST)
    assert directory.commit("alice", dataset("data_1", fingerprint="same"), MOST) == first
    directory.discard("alice", "data_1")
    assert directory.datasets("alice") == [first]


def test_no_more_are_kept_than_allowed_whoever_commits(directory: DatasetDirectory) -> None:
    committed(directory, "alice", "data_1")
    directory.stage("alice", "data_2")
    with pytest.raises(ToolError, match="which is the limit"):
        directory.commit("alice", dataset("data_2"), 1)
    directory.discard("alice", "data_2")
    assert directory.datasets("alice") == [dataset("data_1")]


def test_what_another_process_makes_for_a_deleted_owner_comes_to_nothing(
    directory: DatasetDirectory, tmp_path: Path
) -> None:
    other = DatasetDirectory(tmp_path / "usage")
    staged = other.stage("alice", "data_1")
    directory.delete_owner("alice")
    (staged / "rows.duckdb").write_text("rows")
    with pytest.raises(ToolError, match="was deleted during"):
        other.commit("alice", dataset("data_1"), MOST)
    other.discard("alice", "data_1")
    assert directory.datasets("alice") == []
    assert left_in(tmp_path) == []
    committed(directory, "alice", "data_2")
    assert directory.datasets("alice") == [dataset("data_2")]


def test_an_import_that_is_given_up_while_its_owner_is_deleted_is_in_nobodys_way(
    directory: DatasetDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = DatasetDirectory(tmp_path / "usage")
    staged = other.stage("alice", "data_1")
    look = remove_unless_held

    def given_up(directory: Path) -> bool:
        held = look(directory)
        other.discard("alice", "data_1")
        return held

    monkeypatch.setattr(dataset_directory, "remove_unless_held", given_up)
    directory.delete_owner("alice")
    assert not staged.exists()


def test_what_died_processes_made_for_a_deleted_owner_is_removed_with_the_rest(
    directory: DatasetDirectory, tmp_path: Path
) -> None:
    staged = directory.rows_file("alice", "data_1").parent.with_name(".staged-data_1")
    staged.mkdir(parents=True)
    (staged / "rows.duckdb").write_text("half")
    directory.delete_owner("alice")
    assert left_in(tmp_path) == []


def test_a_dataset_that_vanishes_while_they_are_listed_is_none(
    directory: DatasetDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(directory, "alice", "data_1")
    committed(directory, "alice", "data_2")
    read = Path.read_bytes

    def reading(path: Path) -> bytes:
        directory.delete("alice", "data_1")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", reading)
    assert [found.dataset_id for found in directory.datasets("alice")] == ["data_2"]
    assert directory.trim(1) == 0


def test_a_process_that_was_frozen_with_the_lock_holds_nobody_up_for_ever(
    directory: DatasetDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_directory, "_LOCK_WITHIN_S", 0.0)
    with directory._changing(directory.rows_file("alice", "data_1").parent.parent.name):
        with pytest.raises(DependencyUnavailable) as caught:
            directory.delete("alice", "data_1")
        assert caught.value.retry_after_ms
    assert directory.delete("alice", "data_1") is False


def test_what_is_deleted_is_gone_from_the_disk(directory: DatasetDirectory, tmp_path: Path) -> None:
    committed(directory, "alice", "data_1")
    committed(directory, "alice", "data_2")
    assert directory.delete("alice", "data_1") is True
    assert directory.delete("alice", "data_1") is False
    assert [found.dataset_id for found in directory.datasets("alice")] == ["data_2"]
    directory.delete_owner("alice")
    directory.delete_owner("alice")
    assert left_in(tmp_path) == []


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
    assert directory.trim(5) == 2
    assert directory.trim(5) == 0
    assert [found.dataset_id for found in directory.datasets("alice")] == ["data_new"]
    assert directory.datasets("bob") == []
