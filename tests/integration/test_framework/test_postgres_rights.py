"""The list of rights is what a database that was just migrated says."""

from __future__ import annotations

from pathlib import Path

import pytest

from netra_backend.app.adapters.postgres.rights import EXPECTED
from test_framework import postgres_rights

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


def test_it_is_written_anew_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "rights.txt"
    monkeypatch.setattr(postgres_rights, "EXPECTED", written)
    postgres_rights.main()
    assert written.read_text() == EXPECTED.read_text()
