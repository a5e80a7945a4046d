"""What commands share."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import typer

from netra_backend.app.adapters.process.data_directory import lock_data_directory
from netra_backend.app.commands.common import (
    CommandFailed,
    UsageError,
    counted,
    failure_of,
    load_settings,
    local_token,
    no_such,
    printable,
    running_server,
    server_url,
    start_hint,
    told,
    web_address,
)
from netra_backend.app.commands.server_access import ServerRefused
from netra_backend.app.config import Settings
from netra_backend.app.core import validation
from netra_backend.app.core.errors import AuthenticationRefused, ConfigurationError, ExtensionError, ToolError
from netra_backend.client.errors import Closed


def test_an_address_that_is_given_goes_first_and_loses_its_last_slash(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert server_url(settings, "http://127.0.0.1:9/") == "http://127.0.0.1:9"
    assert server_url(settings, None) == "http://127.0.0.1:8000"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://example.org", "", "http://", "http://a b"])
def test_what_is_no_address_of_a_server_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a server"):
        web_address(url)


def test_a_server_is_found_by_its_data_directory_once_it_listens(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert running_server(settings) is None
    lock = lock_data_directory(tmp_path)
    try:
        with pytest.raises(CommandFailed, match="still starting"):
            running_server(settings)
        lock.announce("http://127.0.0.1:7")
        assert (running_server(settings), server_url(settings, None)) == ("http://127.0.0.1:7", "http://127.0.0.1:7")
    finally:
        lock.release()


def test_the_hint_how_to_start_a_server_can_be_pasted_into_a_shell() -> None:
    assert "netra serve\n" in start_hint(None)
    assert "netra serve --data-dir '/my data'\n" in start_hint(Path("/my data"))


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


@pytest.mark.parametrize(
    ("error", "code", "failure"),
    [
        (
            ToolError("BAD_ROWS", "No rows.", hint="Look.", details={"rejected": 2}),
            1,
            {
                "error": "tool_fault",
                "message": "No rows.",
                "hint": "Look.",
                "code": "BAD_ROWS",
                "details": {"rejected": 2},
            },
        ),
        (
            ServerRefused(
                {"error": "not_found", "detail": "There is no such run.", "hint": "Look.", "field": "run_id"}
            ),
            1,
            {"error": "not_found", "message": "There is no such run.", "hint": "Look.", "field": "run_id"},
        ),
        (
            Closed(1006, "Away.", "Start it."),
            1,
            {"error": "connection_failed", "message": "Away.", "hint": "Start it."},
        ),
        (UsageError("Write it so."), 2, {"error": "usage", "message": "Write it so.", "hint": ""}),
        (
            ConfigurationError(["One.", "Two."], point=validation.CONFIG_FAULTS),
            1,
            {"error": "configuration_invalid", "message": "One.\nTwo.", "hint": "", "faults": ["One.", "Two."]},
        ),
    ],
    ids=["tool", "server", "connection", "usage", "configuration"],
)
def test_for_programs_a_failure_is_one_json_object_on_stdout(
    error: Exception, code: int, failure: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    @told
    def command(as_json: bool) -> None:
        raise error

    with pytest.raises(typer.Exit) as left:
        command(as_json=True)
    shown = capsys.readouterr()
    assert left.value.exit_code == code
    assert json.loads(shown.out) == {"type": "error", **failure}
    assert shown.err
    with pytest.raises(typer.Exit):
        command(as_json=False)
    assert capsys.readouterr().out == ""


def test_another_exception_is_nobodys_answer_and_is_raised() -> None:
    @told
    def command() -> None:
        raise ZeroDivisionError

    assert failure_of(ZeroDivisionError()) is None
    with pytest.raises(ZeroDivisionError):
        command()


def test_a_terminal_is_shown_nothing_that_it_would_obey() -> None:
    assert printable("a\x1b[31mb\r\x07\nc") == "a�[31mb��\nc"


def test_a_number_of_things_is_written_as_a_person_would() -> None:
    assert (counted(1, "row"), counted(4012, "row"), counted(0, "thread")) == ("1 row", "4,012 rows", "0 threads")
    assert str(no_such("run")) == "There is no such run."


def test_an_interrupt_exits_as_shells_expect() -> None:
    @told
    def command() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as left:
        command()
    assert left.value.exit_code == 130


def test_what_cannot_be_served_is_a_sentence_each_and_exits_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    @told
    def command() -> None:
        raise ExtensionError(["my_agents:AGENTS[0] is no agent.", "The tool name 'x' is taken."])

    with pytest.raises(typer.Exit) as left:
        command()
    assert left.value.exit_code == 2
    assert capsys.readouterr().err == "✗ my_agents:AGENTS[0] is no agent.\n✗ The tool name 'x' is taken.\n"


@pytest.mark.validation_point("token.lifetime")
def test_a_local_token_lives_no_longer_than_its_server_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_JWT_MAX_LIFETIME_S", "60")
    settings = load_settings(tmp_path / "data")
    claims = json.loads(base64.urlsafe_b64decode(local_token(settings, "alice").split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == pytest.approx(60)
    with pytest.raises(AuthenticationRefused, match="can live for 1 to 60 seconds, not 61"):
        local_token(settings, "alice", lifetime_s=61)
