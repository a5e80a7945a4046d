"""Logs as JSON lines without secrets."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from netra_backend.app.adapters.process.json_logs import JsonHandler, configure_logging, name_process
from netra_backend.app.core.hidden_values import HiddenValues
from netra_backend.app.core.limits import USUAL
from netra_backend.app.services import hiding

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
LOG = logging.getLogger("netra.of_this_test")


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Logs of this test, and logging as it was before."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    written = io.StringIO()
    configure_logging("info", written)
    yield written
    logging.captureWarnings(False)
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    own = ("netra", "netra_backend")
    for name in (*own, "httpx", "httpx2", "httpcore", "httpcore2", "uvicorn.access", "mcp.client", "mcp.shared"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object(stream: io.StringIO) -> None:
    LOG.warning("run %s ended\nafter %d ms", "run_1", 5, extra={"user_id": "ada", "steps": [1, None]})
    (line,) = lines(stream)
    assert line.pop("ts").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "netra.of_this_test",
        "event": "run run_1 ended\nafter 5 ms",
        "user_id": "ada",
        "steps": [1, None],
    }


def test_what_libraries_quote_of_users_servers_and_their_addresses_is_not_logged(stream: io.StringIO) -> None:
    logging.getLogger("mcp.client.streamable_http").error("Error parsing JSON response: canary")
    logging.getLogger("mcp.shared.jsonrpc_dispatcher").warning("canary")
    logging.getLogger("httpx2").info("HTTP Request: POST https://mcp.invalid/?key=canary")
    assert stream.getvalue() == ""


def test_a_line_is_one_for_every_reader_and_says_the_same(stream: io.StringIO) -> None:
    hostile = "a" + "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E, 0x2066))) + "é日"
    LOG.info("%s", hostile, extra={"name_of_thread": hostile, hostile: 1})
    told = stream.getvalue()
    assert len(told.splitlines()) == 1
    assert [letter for letter in told.rstrip("\n") if not letter.isprintable()] == []
    assert "é日" in told
    (line,) = lines(stream)
    assert (line["event"], line["name_of_thread"], line[hostile]) == (hostile, hostile, 1)


def test_a_record_that_cannot_be_written_is_one_line_too(stream: io.StringIO) -> None:
    record = logging.LogRecord("netra.\u2028of", logging.INFO, "", 0, "%d", ("no number",), None)
    next(each for each in logging.getLogger().handlers if isinstance(each, JsonHandler)).handle(record)
    assert len(stream.getvalue().splitlines()) == 1


def test_what_the_web_server_says_of_a_request_quotes_no_query(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "1.2.3.4:5", "/ws/ada?x=canary&y=1")
    assert lines(stream)[0]["event"] == '1.2.3.4:5 - "WebSocket /ws/ada?***" [accepted]'


def test_a_servers_colours_are_left_out(stream: io.StringIO) -> None:
    LOG.info("listening", extra={"color_message": "\x1b[1mlistening"})
    assert "color_message" not in lines(stream)[0]


def test_no_secret_reaches_a_line_by_any_way(stream: io.StringIO) -> None:
    LOG.info("GET /ws/ada?ticket=%s", "abcdefgh1234")
    LOG.info("offered %s", ["netra.v1", f"bearer.{JWT}"])
    LOG.info("headers", extra={"headers": {"Authorization": f"Bearer {JWT}"}, "token": "abcdefgh1234"})
    try:
        raise ValueError(f"bad token {JWT} and password=abcdefgh1234")
    except ValueError:
        LOG.exception("it failed")
    logging.getLogger("uvicorn.error").info('127.0.0.1:1 - "WebSocket /ws/ada?token=abcdefgh1234" 403')
    told = stream.getvalue()
    assert len(lines(stream)) == 5
    assert JWT not in told
    assert "abcdefgh1234" not in told
    assert "ValueError: bad token ***" in lines(stream)[3]["exception"]


def test_what_is_below_the_level_costs_no_formatting(stream: io.StringIO) -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("formatted")

        __repr__ = __str__

    LOG.debug("never %s %r", Costly(), Costly(), extra={"more": Costly()})
    assert stream.getvalue() == ""


def test_a_record_that_cannot_be_written_is_told_without_quoting_it(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    # Straight to the handler: the test runner's own, at the root, would raise before ours is asked.
    JsonHandler(stream).handle(LOG.makeRecord(LOG.name, logging.ERROR, "", 0, "secret %d", ("abcdefgh1234",), None))
    assert lines(stream) == [
        {
            "level": "error",
            "logger": "netra.of_this_test",
            "event": "a log record could not be written",
            "fault": "TypeError",
        }
    ]
    assert capsys.readouterr().err == ""


def test_a_stream_that_is_gone_stops_nobody(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    stream.close()
    LOG.error("into the void")
    assert capsys.readouterr() == ("", "")


def test_lines_have_an_end_and_odd_values_a_form(stream: io.StringIO) -> None:
    LOG.info("x" * (10 * USUAL.log_characters), extra={"nan": float("nan"), "odd": "\ud800", "level": "mine"})
    (line,) = lines(stream)
    assert line["event"] == "x" * USUAL.log_characters + "…"
    assert (line["nan"], line["odd"], line["level"]) == (None, "?", "info")


def test_a_text_has_as_many_characters_as_are_set(stream: io.StringIO) -> None:
    configure_logging("info", stream, characters=10)
    LOG.info("x" * 11)
    assert lines(stream)[0]["event"] == "x" * 10 + "…"


def test_chatty_libraries_are_heard_from_warnings_on(stream: io.StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request")
    logging.getLogger("uvicorn.access").info("GET /")
    logging.getLogger("httpx").warning("trouble")
    assert [line["event"] for line in lines(stream)] == ["trouble"]


def test_warnings_become_lines(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old ways", UserWarning, stacklevel=1)
    (line,) = lines(stream)
    assert "old ways" in line["event"]


def test_a_thread_that_fails_shows_no_secret_of_any_run(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    values = HiddenValues()
    values.add("hunter2-hunter2")
    hiding.hiding(values)

    def fail(fault: BaseException) -> None:
        raise fault

    for fault in (ValueError("it is hunter2-hunter2"), SystemExit()):
        thread = threading.Thread(target=fail, args=(fault,), name="of a tool")
        thread.start()
        thread.join()
    (line,) = lines(stream)
    assert (line["event"], line["of"]) == ("a thread failed", "of a tool")
    assert "ValueError: it is ***" in json.dumps(line)
    assert capsys.readouterr() == ("", "")


def test_configured_twice_each_record_is_one_line(stream: io.StringIO) -> None:
    again = io.StringIO()
    configure_logging("error", again)
    LOG.error("once")
    LOG.warning("not any more")
    assert stream.getvalue() == ""
    assert [line["event"] for line in lines(again)] == ["once"]


def test_debug_is_for_our_own_loggers_since_libraries_would_log_what_passes_through_them(stream: io.StringIO) -> None:
    configure_logging("debug", stream)
    logging.getLogger("websockets.server").debug("< TEXT 'a private message'")
    LOG.debug("ours")
    assert [line["event"] for line in lines(stream)] == ["ours"]


def test_without_a_stream_logs_go_to_standard_error(stream: io.StringIO) -> None:
    configure_logging()
    (handler,) = [handler for handler in logging.getLogger().handlers if isinstance(handler, JsonHandler)]
    assert handler.stream is sys.stderr


def test_a_process_of_several_names_itself_in_every_line(stream: io.StringIO) -> None:
    LOG.warning("before")
    name_process("prc_1")
    LOG.warning("after")
    assert [line.get("process") for line in lines(stream)] == [None, "prc_1"]
