"""Trying what is added: faults come back from the copy, and this process has imported nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.config import Settings
from netra_backend.app.core.errors import ExtensionError
from netra_backend.app.extensions.trial import try_extensions

NOTES = """
class Notes:
    name, description, tools = "notes", "…", frozenset()
    async def run(self, scope): ...
"""


@pytest.fixture
def settings(here: Path) -> Settings:
    return Settings(data_dir=here / "data", app="my_agents:Notes")


def test_what_can_be_served_is_imported_in_the_copy_alone(write: Any, settings: Settings, here: Path) -> None:
    write(my_agents=NOTES + "from pathlib import Path\nPath('imported').touch()")
    try_extensions(settings)
    assert (here / "imported").exists()
    assert "my_agents" not in sys.modules


def test_what_cannot_be_served_is_raised_here(write: Any, settings: Settings) -> None:
    write(my_agents="")
    with pytest.raises(ExtensionError) as refused:
        try_extensions(settings)
    assert refused.value.faults == ["my_agents has no Notes."]


@pytest.mark.parametrize(("source", "code"), [("import os; os._exit(7)", 7), ("raise KeyboardInterrupt", 1)])
def test_a_module_that_ends_the_process_ends_the_copy(write: Any, settings: Settings, source: str, code: int) -> None:
    write(my_agents=source)
    with pytest.raises(ExtensionError, match=rf"^Loading my_agents:Notes ended the process \({code}\)\.$"):
        try_extensions(settings)


def test_where_nothing_is_added_there_is_no_copy(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fork", None)
    try_extensions(Settings(data_dir=here / "data"))
