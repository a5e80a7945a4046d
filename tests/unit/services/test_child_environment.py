import sys

import pytest

from netra_backend.app.services.child_environment import child_command, child_environment


def test_a_child_is_told_no_setting_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NETRA_DATABASE_URL", "NETRA_JWT_SECRET", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("PYTHONPATH", "/code")
    told = child_environment()
    assert "canary" not in told.values()
    assert (told["PYTHONPATH"], told["HOME"]) == ("/code", "/nonexistent")


def test_a_child_runs_a_module_and_looks_for_none_in_its_directory() -> None:
    assert child_command("a.b") == [sys.executable, "-P", "-m", "a.b"]
