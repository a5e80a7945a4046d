"""Datasets as tests tell of them: made of a few words, kept, and read back."""

from __future__ import annotations

from netra_backend.app.adapters.datasets.port import ROWS_FILE, Dataset, Datasets

MOST = 100
"""How many an owner of a test may have, where a test does not say."""


def dataset(dataset_id: str, fingerprint: str | None = None, at: int = 1) -> Dataset:
    """A dataset of one row that was imported ``at``; no two are of the same file unless they share a fingerprint."""
    return Dataset(
        dataset_id=dataset_id,
        name="n",
        format="table",
        fingerprint=fingerprint or dataset_id,
        imported_at_ms=at,
        rows=1,
        rejected=0,
        first_ts_ms=0,
        last_ts_ms=0,
        capabilities=["sessions"],
        generated=False,
        priced_as=None,
        account={"notes": ["x"]},
    )


async def kept(datasets: Datasets, owner: str, told: Dataset, rows: str = "rows", most: int = MOST) -> Dataset:
    """Make and commit a dataset whose file holds ``rows``."""
    async with datasets.stage(owner, told.dataset_id) as staged:
        (staged.directory / ROWS_FILE).write_text(rows)
        return await staged.commit(told, most)


async def rows_of(datasets: Datasets, owner: str) -> list[str]:
    """What the files of all datasets of the owner hold, oldest first."""
    async with datasets.files(owner, await datasets.of(owner)) as paths:
        return [path.read_text() for path in paths]
