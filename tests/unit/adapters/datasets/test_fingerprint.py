from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters.datasets import fingerprint
from netra_backend.app.adapters.datasets.fingerprint import Fingerprint
from netra_backend.app.usage.importers.format import ImportOptions


def of(path: Path, content: bytes = b"content", **options: Any) -> str:
    path.write_bytes(content)
    return Fingerprint(path, ImportOptions.of(options)).value()


def test_every_byte_counts_wherever_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = of(tmp_path / "usage")
    monkeypatch.setattr(fingerprint, "_READ", 3)
    assert of(tmp_path / "usage") == whole
    others = {of(tmp_path / "usage", b"content"[:place] + b"-" + b"content"[place + 1 :]) for place in range(7)}
    assert len(others | {whole, of(tmp_path / "usage", b"conten")}) == 9


def test_how_a_file_is_read_counts_and_what_it_is_called_does_not(tmp_path: Path) -> None:
    plain = of(tmp_path / "usage")
    assert of(tmp_path / "other", name="a name") == plain
    ways: list[dict[str, Any]] = [
        {"format": "table"},
        {"model": "m"},
        {"start": "2026-11-01"},
        {"map": {"team": "a"}},
        {"map": {"team": "b"}},
    ]
    assert len({plain, *(of(tmp_path / "usage", **way) for way in ways)}) == 6


def test_it_is_known_when_it_was_told_once(tmp_path: Path) -> None:
    (tmp_path / "usage").write_bytes(b"content")
    found = Fingerprint(tmp_path / "usage", ImportOptions())
    assert found.value() == found.value()
    assert found.known()


def test_a_file_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Fingerprint(tmp_path / "nothing", ImportOptions()).value()
