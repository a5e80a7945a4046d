from pathlib import Path

import pytest

from netra_backend.app.adapters.datasets.port import (
    admit,
    check_room,
    deleted_meanwhile,
    folder_of,
    in_order,
    spellings_of,
)
from netra_backend.app.core.errors import InvalidContextError, ToolError
from test_framework.dataset_story import dataset


def test_a_folder_tells_nothing_and_belongs_to_one_owner() -> None:
    assert "alice" not in folder_of("alice")
    assert folder_of("alice") == folder_of("alice") != folder_of("bob")


@pytest.mark.parametrize("owner", ["../bob", "", "placeholder_1", "a" * 129])
def test_who_is_no_id_has_no_folder(owner: str) -> None:
    with pytest.raises(InvalidContextError):
        folder_of(owner)


def test_a_directory_is_spelled_as_it_is_named_and_as_it_really_lies(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    real, link = tmp_path.resolve() / "real", tmp_path.resolve() / "link"
    assert spellings_of(link) == (str(link), str(real))
    assert spellings_of(real) == (str(real),)


def test_datasets_come_oldest_first() -> None:
    found = in_order([dataset("data_b", "1", at=2), dataset("data_c", "2"), dataset("data_a", "3", at=2)])
    assert [each.dataset_id for each in found] == ["data_c", "data_a", "data_b"]


def test_the_same_fingerprint_needs_no_second_dataset_even_where_there_is_no_room() -> None:
    first = dataset("data_1", "same")
    assert admit(dataset("data_2", "same"), [first], most=1) is first
    assert admit(dataset("data_2", "other"), [first], most=2) is None


def test_more_than_are_kept_are_refused_with_what_to_do() -> None:
    check_room(1, 2)
    with pytest.raises(ToolError, match="which is the limit") as caught:
        admit(dataset("data_2", "other"), [dataset("data_1", "same")], most=1)
    assert "Delete one" in caught.value.hint


def test_a_deletion_meanwhile_is_told_as_what_it_is() -> None:
    assert (deleted_meanwhile().code, "nothing was imported" in deleted_meanwhile().message) == ("NO_DATA", True)
