from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.usage.importers.format import Format, ImportOptions
from netra_backend.app.usage.importers.import_stats import ImportStats
from netra_backend.app.usage.importers.importing import Opened, import_rows, open_file
from netra_backend.app.usage.importers.reading.batch import Numbered, batched
from netra_backend.app.usage.importers.reading.page import length, rows_of
from netra_backend.app.usage.importers.reading.records import Layout, with_head
from netra_backend.app.usage.importers.reading.source import Progress
from netra_backend.app.usage.importers.reading.values import Times
from netra_backend.app.usage.importers.row import UsageRow

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DATA = Path(__file__).parents[5] / "shared" / "data"


@pytest.fixture
def times() -> Times:
    return Times(NOW)


@pytest.fixture
def converted() -> Callable[..., tuple[list[UsageRow], ImportStats]]:
    """Reads records (dicts) by one format: the rows, and the account of all records."""

    def convert(format: Format, *records: dict[str, Any], **options: Any) -> tuple[list[UsageRow], ImportStats]:
        head, batches = with_head(Layout.JSON_LINES, batched(iter(list(enumerate(records, 1)))))
        reason = format.recognise(head)
        assert reason is not None, "the format does not recognise its own records"
        rows: list[UsageRow] = []
        opened = Opened(format, reason, head, format.read(head, ImportOptions.of(options), Times(NOW)), batches)
        return rows, import_rows(opened, lambda columns: rows.extend(rows_of(columns, length(columns))))

    return convert


@pytest.fixture
def opened() -> Callable[..., list[UsageRow]]:
    """Imports a file of the shared data: its rows."""

    def read(name: str, **options: Any) -> list[UsageRow]:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"{path} is missing: put the shared data beside the repository")
        rows: list[UsageRow] = []
        opened = open_file(path, ImportOptions.of(options), NOW, lambda done, total: None, no_parquet)
        stats = import_rows(opened, lambda columns: rows.extend(rows_of(columns, length(columns))))
        assert stats.rejected == 0
        return rows

    return read


def no_parquet(path: Path, progress: Progress) -> Iterator[Numbered]:
    """Stands where a driver reads Parquet, in tests of everything else."""
    raise AssertionError("no test here reads Parquet")
