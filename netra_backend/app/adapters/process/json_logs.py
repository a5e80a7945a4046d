"""Logs as one JSON object a line, with secrets taken out of every part of it.

Modules log through ``logging.getLogger`` with ``%s`` arguments or ``extra={…}``: what is below the level is neither
formatted nor redacted.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

from ...core.limits import USUAL
from ...services.hiding import logged, logged_text
from ...services.redaction import redact, redact_text

_OURS: Final = ("netra", "netra_backend")
_THREADS: Final = logging.getLogger("netra.threads")
_CHATTY: Final = ("httpx", "httpx2", "httpcore", "httpcore2", "uvicorn.access")
_QUOTING: Final = ("mcp.client", "mcp.shared")
"""They quote what servers of users say, results of tools among it. The code that uses a session reports what went wrong."""
_LEFT_OUT: Final = {"message", "asctime", "taskName", "color_message"}  # the last: uvicorn's event again, with colours
_OF_EVERY_RECORD: Final = frozenset(vars(logging.makeLogRecord({}))) | _LEFT_OUT


_ESCAPED: Final = {
    code: f"\\u{code:04x}"
    for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""What JSON may hold as it is, and what ends a line, moves a cursor or turns a line around for some reader."""

_QUERY: Final = re.compile(r"\?[^\s\"']+")


class JsonFormatter(logging.Formatter):
    """``{"ts": …, "level": …, "logger": …, "event": …}``, the record's own fields, and ``exception`` where there is one.

    ``constant``: fields of every line. A text in it has at most so many ``characters``.
    """

    def __init__(self, characters: int = USUAL.log_characters) -> None:
        super().__init__()
        self._characters = characters
        self.constant: dict[str, str] = {}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _shown(_without_queries(record), self._characters),
            **self.constant,
        }
        own = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        if own:
            line.update((name, value) for name, value in redact(logged(own)).items() if name not in line)
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = _shown(self.formatException(record.exc_info), self._characters)
        # NaN and lone surrogates have no JSON of their own; a log line is written all the same.
        return _one_line(msgspec.json.encode(_writable(logged(line))))


class JsonHandler(logging.StreamHandler[TextIO]):
    """Writes lines of ``JsonFormatter``. A record that cannot be written is told by a line that quotes nothing of it."""

    def __init__(self, stream: TextIO, characters: int = USUAL.log_characters) -> None:
        super().__init__(stream)
        self.setFormatter(JsonFormatter(characters))

    def handleError(self, record: logging.LogRecord) -> None:
        fault = sys.exc_info()[0]
        line = {"level": "error", "logger": record.name, "event": "a log record could not be written"}
        try:
            told = msgspec.json.encode({**line, "fault": fault.__name__ if fault else ""})
            self.stream.write(_one_line(told) + "\n")
        except (OSError, ValueError):
            return  # there is nowhere left to tell it


def configure_logging(
    level: str = "info", stream: TextIO | None = None, characters: int = USUAL.log_characters
) -> None:
    """Send the logs of this process to ``stream`` (standard error), from ``level`` on, each text of at most
    ``characters``. Called again, it replaces itself.

    ``debug`` is for our own loggers: at that level libraries log what passes through them, which is users' messages.
    """
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, JsonHandler)]:
        root.removeHandler(handler)
    root.addHandler(JsonHandler(stream or sys.stderr, characters))
    own = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(own, logging.INFO))
    for name in _OURS:
        logging.getLogger(name).setLevel(own)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _QUOTING:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.captureWarnings(True)
    threading.excepthook = _log_thread_fault


def _log_thread_fault(fault: threading.ExceptHookArgs) -> None:
    """Log what ended a thread, without the values that runs hide: Python itself would print them."""
    if fault.exc_type is not SystemExit and fault.exc_value is not None:
        name = fault.thread.name if fault.thread is not None else ""
        _THREADS.error("a thread failed", exc_info=fault.exc_value, extra={"of": name})


def name_process(process_id: str) -> None:
    """Have every line say which process of several wrote it, from now on."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, JsonFormatter):
            handler.formatter.constant["process"] = process_id


def _one_line(encoded: bytes) -> str:
    """The line as every reader sees it as one; what is read of it is the same."""
    line = encoded.decode()
    return line if encoded.isascii() and b"\x7f" not in encoded else line.translate(_ESCAPED)


def _without_queries(record: logging.LogRecord) -> str:
    """The record's text. What the web server says of a request quotes its whole address, in which there may be anything."""
    text = record.getMessage()
    return _QUERY.sub("?***", text) if record.name == "uvicorn.error" else text


def _shown(text: str, most: int) -> str:
    shown = redact_text(logged_text(text)[: 4 * most])
    return shown if len(shown) <= most else shown[:most] + "…"


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_writable(name): _writable(item) for name, item in value.items()}
    return [_writable(item) for item in value] if isinstance(value, list) else value
