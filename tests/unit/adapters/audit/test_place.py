"""Key and anchor as the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from netra_backend.app.adapters.audit.anchors import FileAnchor, LogAnchor
from netra_backend.app.adapters.audit.place import anchor_of, audit_place, stored_keys
from netra_backend.app.config import Settings
from netra_backend.app.core.audit_chain import ChainKeys
from netra_backend.app.core.errors import ConfigurationError
from test_framework.clock import SeededEntropy


def test_without_a_setting_a_key_is_made_once_in_the_data_directory(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    assert stored_keys(settings) is None
    assert list(tmp_path.iterdir()) == []
    made = audit_place(settings, SeededEntropy(1)).keys
    assert audit_place(settings, SeededEntropy(2)).keys == stored_keys(settings) == made
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [("audit.key", 0o600)]


def test_a_key_that_is_set_needs_no_file(tmp_path: Path) -> None:
    settings = Settings(tmp_path, audit_key=b"k" * 32)
    assert audit_place(settings, SeededEntropy(1)).keys == stored_keys(settings) == ChainKeys.of(b"k" * 32)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_cut_short_is_refused_with_what_comes_of_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_text("abc\n")
    with pytest.raises(ConfigurationError, match="the audit trail then goes on in a new chain"):
        stored_keys(Settings(tmp_path))


def test_an_anchor_lies_in_the_data_directory_or_where_it_is_set(tmp_path: Path) -> None:
    statement = ChainKeys.of(b"k" * 32).state("anchor", 1, b"s", 0, 1)
    for settings, path in (
        (Settings(tmp_path), tmp_path / "audit.anchor"),
        (Settings(tmp_path, audit_anchor=str(tmp_path / "elsewhere")), tmp_path / "elsewhere"),
    ):
        anchor = anchor_of(settings)
        anchor.write(statement)
        assert FileAnchor(path).read() == [statement]
    assert isinstance(anchor_of(Settings(tmp_path, audit_anchor="log")), LogAnchor)
