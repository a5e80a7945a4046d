from pathlib import Path

from netra_backend.app.adapters.datasets.local import LocalDatasets
from test_framework.dataset_story import dataset, kept, rows_of


def test_datasets_are_of_one_file_only_where_a_test_says_so() -> None:
    assert dataset("data_1").fingerprint != dataset("data_2").fingerprint
    assert dataset("data_1", fingerprint="same").fingerprint == dataset("data_2", fingerprint="same").fingerprint


async def test_what_was_kept_is_read_back(tmp_path: Path) -> None:
    datasets = LocalDatasets(tmp_path / "usage")
    assert await kept(datasets, "alice", dataset("data_2", at=2), rows="second") == dataset("data_2", at=2)
    await kept(datasets, "alice", dataset("data_1", at=1), rows="first")
    assert await rows_of(datasets, "alice") == ["first", "second"]
    assert await rows_of(datasets, "bob") == []
