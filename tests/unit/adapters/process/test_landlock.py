import sys
from pathlib import Path

import pytest

from netra_backend.app.adapters.process import landlock


def test_a_system_without_it_has_version_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "machine", lambda: None)
    assert landlock.version() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the calls are of Linux")
def test_what_is_not_there_or_is_a_file_gets_the_rights_that_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def call(number: int, *arguments: object) -> int:
        calls.append(number)
        return 0

    monkeypatch.setattr(landlock, "call", call)
    (tmp_path / "file").touch()
    landlock._add(-1, tmp_path / "absent", landlock.READ)
    landlock._add(-1, tmp_path / "file", landlock.LIST)  # a file has no names to list
    assert calls == []
    landlock._add(-1, tmp_path / "file", landlock.READ)
    landlock._add(-1, tmp_path, landlock.LIST)
    assert calls == [445, 445]
