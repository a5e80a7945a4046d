"""What commands share."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from netra_backend.app.commands.common import load_settings, local_token, server_url, told
from netra_backend.app.config import Settings
from netra_backend.app.core import validation
from netra_backend.app.core.errors import ConfigurationError, ExtensionError, ToolError
from netra_backend.client.errors import Closed


def test_an_address_that_is_given_goes_first_and_loses_its_last_slash(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert server_url(settings, "http://127.0.0.1:9/") == "http://127.0.0.1:9"
    assert server_url(settings, None) == "http://127.0.0.1:8000"


def test_a_local_token_is_made_with_the_key_of_the_data_directory(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "data")
    assert local_token(settings, "alice").count(".") == 2
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ToolError("NO_DATA", "Nothing there.", hint="Import some."), ["Nothing there.", "Import some."]),
        (Closed(4501, "unauthenticated"), ["You are not signed in", "Sign in."]),
        (
            ConfigurationError(["NETRA_PORT is no port", "NETRA_HSOT is not known"], point=validation.CONFIG_FAULTS),
            ["NETRA_PORT is no port", "NETRA_HSOT is not known"],
        ),
    ],
    ids=["fault", "closed", "configuration"],
)
def test_a_typed_error_is_told_with_what_to_do_and_exits_with_one(
    error: Exception, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    @told
    def command() -> None:
        raise error

    with pytest.raises(typer.Exit) as left:
        command()
    said = capsys.readouterr().err
    assert left.value.exit_code == 1
    assert all(word in said for word in words), said


def test_what_cannot_be_served_is_a_sentence_each_and_exits_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    @told
    def command() -> None:
        raise ExtensionError(["my_agents:AGENTS[0] is no agent.", "The tool name 'x' is taken."])

    with pytest.raises(typer.Exit) as left:
        command()
    assert left.value.exit_code == 2
    assert capsys.readouterr().err == "✗ my_agents:AGENTS[0] is no agent.\n✗ The tool name 'x' is taken.\n"


def test_an_interrupt_exits_as_shells_expect() -> None:
    @told
    def command() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as left:
        command()
    assert left.value.exit_code == 130
