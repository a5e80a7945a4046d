"""A server for a module's tests, and servers of one test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from test_framework.served import Serve, Served, serve


@pytest.fixture
def serve_with(tmp_path: Path) -> Serve:
    """``async with serve_with(retention_days=1) as served``: a server of one test's own."""
    return partial(serve, tmp_path / "data")


@pytest.fixture(scope="module")
def serve_anywhere() -> Serve:
    """``async with serve_anywhere(data_dir) as served``: for a module's own fixtures."""
    return serve


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """The server of a module's tests; each has users of its own."""
    async with serve(tmp_path_factory.mktemp("served") / "data", secrets_key=b"k" * 32) as running:
        yield running
