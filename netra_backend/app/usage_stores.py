"""Where usage data lies: which adapter keeps the datasets that the settings name, and the ledger over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .adapters.datasets.port import Datasets
from .adapters.ledger.ledger import DuckDBLedger
from .adapters.process.clock import SystemClock, SystemEntropy
from .config import Settings
from .core.limits import USUAL, Limits
from .ports import Clock, Entropy, Ledger

if TYPE_CHECKING:
    from .adapters.datasets.bucket import Bucket


@asynccontextmanager
async def open_ledger(
    settings: Settings, *, root: Path | None = None, importers: Sequence[str] = ()
) -> AsyncIterator[Ledger]:
    """The usage ledger of these settings alone, for a command that needs no server. ``root``: kept there instead."""
    clock, entropy = SystemClock(), SystemEntropy()
    ledger = DuckDBLedger(
        root or settings.data_dir / "usage",
        clock,
        entropy,
        settings.limits,
        datasets=None if root else datasets_of(settings, clock, entropy),
        allow_raw_sql=settings.allow_raw_sql,
        importers=importers,
    )
    try:
        await ledger.start()
        yield ledger
    finally:
        await ledger.close()


def datasets_of(settings: Settings, clock: Clock, entropy: Entropy) -> Datasets | None:
    """The store that these settings name for datasets; ``None`` if they lie in the data directory."""
    if settings.datasets_url is None:
        return None
    bucket = bucket_of(settings.datasets_url, settings.limits)
    from .adapters.datasets.cache import DatasetCache
    from .adapters.datasets.object_store import ObjectDatasets

    cache = DatasetCache(settings.data_dir / "usage-copies", entropy.take(8).hex(), clock, settings.limits)
    return ObjectDatasets(bucket, cache, clock, entropy)


def bucket_of(url: str, limits: Limits = USUAL) -> Bucket:
    """The bucket of an object store."""
    from .adapters.datasets.bucket import Bucket

    return Bucket(url, limits=limits)
