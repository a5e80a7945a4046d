import msgspec
import pytest

from netra_backend.app.adapters.datasets.catalogue import EMPTY, Catalogue, Entry, with_entry, without, without_older
from netra_backend.app.core.errors import ToolError
from test_framework.dataset_story import dataset


def entry(dataset_id: str, fingerprint: str | None = None, at: int = 1) -> Entry:
    return Entry(dataset(dataset_id, fingerprint, at), 4, "digest")


def of(*entries: Entry) -> Catalogue:
    return Catalogue("r", "g", entries)


def test_it_is_read_as_it_was_written() -> None:
    catalogue = of(entry("data_1"), entry("data_2"))
    assert msgspec.json.decode(msgspec.json.encode(catalogue), type=Catalogue) == catalogue
    assert catalogue.ids == {"data_1", "data_2"}
    assert [each.dataset_id for each in catalogue.datasets] == ["data_1", "data_2"]


def test_one_dataset_is_found_by_its_id_or_its_fingerprint_and_else_none() -> None:
    catalogue = of(entry("data_1", "f1"), entry("data_2", "f2"))
    assert catalogue.entry("data_2") == entry("data_2", "f2")
    assert catalogue.entry("data_3") is None
    assert catalogue.same_as(entry("data_3", "f1").dataset) == entry("data_1", "f1").dataset
    assert catalogue.same_as(entry("data_3", "f3").dataset) is None


def test_a_dataset_is_added_to_what_is_there() -> None:
    added = with_entry(of(entry("data_1")), entry("data_2"), 2, "g")
    assert added.ids == {"data_1", "data_2"}
    assert added.generation == "g"


def test_the_same_fingerprint_changes_nothing() -> None:
    catalogue = of(entry("data_1", "same"))
    assert with_entry(catalogue, entry("data_2", "same"), 1, "g") is catalogue


def test_more_than_are_kept_are_refused() -> None:
    with pytest.raises(ToolError, match="which is the limit"):
        with_entry(of(entry("data_1")), entry("data_2"), 1, "g")


def test_what_began_before_everything_was_deleted_is_refused() -> None:
    with pytest.raises(ToolError, match="was deleted during"):
        with_entry(Catalogue(generation="later"), entry("data_1"), 9, EMPTY.generation)


def test_what_is_taken_out_is_out_and_what_is_not_there_changes_nothing() -> None:
    catalogue = of(entry("data_1"), entry("data_2"))
    assert without(catalogue, ["data_1"]).ids == {"data_2"}
    assert without(catalogue, ["data_3"]) is catalogue


def test_what_is_older_is_taken_out() -> None:
    catalogue = of(entry("data_1", at=1), entry("data_2", at=5))
    assert without_older(catalogue, 5).ids == {"data_2"}
    assert without_older(catalogue, 1) is catalogue
