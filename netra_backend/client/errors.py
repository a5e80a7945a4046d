"""What a client raises."""

from __future__ import annotations

from ..app.core.error_catalogue import CATALOGUE
from ..app.core.frames import ErrorFrame


class ClientError(Exception):
    """The root."""


class Refused(ClientError):
    """The server refused a command; ``frame`` says why and what to do."""

    def __init__(self, frame: ErrorFrame) -> None:
        super().__init__(f"{frame.message} {frame.hint}")
        self.message = frame.message
        self.hint = frame.hint
        self.frame = frame


class Closed(ClientError):
    """The connection ended with a code that says not to come back (4500 to 4599), or no server was found in time.

    ``reason`` is the close frame's: an id of the catalogue of errors, or a sentence. ``message`` and ``hint`` are for people.
    """

    def __init__(self, code: int, reason: str, hint: str = "") -> None:
        entry = CATALOGUE.get(reason)
        self.message = reason if entry is None else entry.text
        self.hint = hint or ("" if entry is None else entry.hint)
        super().__init__(f"{self.message} {self.hint}".rstrip())
        self.code = code
        self.reason = reason
