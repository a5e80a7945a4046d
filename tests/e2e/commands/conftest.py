"""A server for the commands of one module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from test_framework.server_process import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server") / "data", app="test_framework.echo") as running:
        yield running
