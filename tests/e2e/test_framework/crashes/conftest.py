"""A server with agents that wait for their user."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from test_framework.server_process import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("crashes") / "data", app="test_framework.served") as running:
        yield running
