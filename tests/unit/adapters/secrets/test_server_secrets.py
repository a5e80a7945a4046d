"""Secrets of the server: a file for each, read when it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from netra_backend.app.adapters.secrets.server_secrets import ServerSecrets


async def test_a_file_is_a_secret_without_its_line_end(tmp_path: Path) -> None:
    secrets = ServerSecrets(tmp_path, 16)
    assert await secrets("TOKEN") is None
    (tmp_path / "TOKEN").write_bytes(b" value \r\n")
    assert await secrets("TOKEN") == " value "
    (tmp_path / "TOKEN").write_bytes(b"another")
    assert await secrets("TOKEN") == "another"


async def test_one_that_cannot_be_read_is_absent_and_told_without_what_it_holds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = ServerSecrets(tmp_path, 16)
    (tmp_path / "LARGE").write_bytes(b"canary" * 3)
    (tmp_path / "BYTES").write_bytes(b"canary\xff")
    (tmp_path / "DIRECTORY").mkdir()
    for name in ("LARGE", "BYTES", "DIRECTORY"):
        assert await secrets(name) is None
    assert [record.__dict__["secret_name"] for record in caplog.records] == ["LARGE", "BYTES", "DIRECTORY"]
    assert "canary" not in caplog.text
