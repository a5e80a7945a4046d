"""What a client raises."""

from __future__ import annotations

from ..app.core.frames import ErrorFrame


class ClientError(Exception):
    """The root."""


class Refused(ClientError):
    """The server refused a command; ``frame`` says why and what to do."""

    def __init__(self, frame: ErrorFrame) -> None:
        super().__init__(f"{frame.message} {frame.hint}")
        self.frame = frame


class Closed(ClientError):
    """The connection ended with a code that says not to come back (4500 to 4599), or no server was found in time."""

    def __init__(self, code: int, reason: str, hint: str = "") -> None:
        super().__init__(f"{reason} (close code {code}). {hint}".strip())
        self.code = code
        self.reason = reason
