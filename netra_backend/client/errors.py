"""What a client raises."""

from __future__ import annotations

from ..app.core.client_rules import Next, after_close, after_status
from ..app.core.error_catalogue import CATALOGUE
from ..app.core.frames import ErrorFrame


def sentences(*parts: str | None) -> str:
    """The texts that are not empty, one after the other; each but the last ends with a full stop or a mark of its own."""
    given = [part.rstrip() for part in parts if part]
    return " ".join([*(_ended(part) for part in given[:-1]), *given[-1:]])


def _ended(text: str) -> str:
    return text if text.rstrip("\"')]”’»").endswith((".", "!", "?", "…", ":")) else f"{text}."


class ClientError(Exception):
    """The root."""


class Refused(ClientError):
    """A command was refused, by the server or before it was sent; ``frame`` says why and what to do."""

    def __init__(self, frame: ErrorFrame) -> None:
        super().__init__(sentences(frame.message, frame.hint))
        self.message = frame.message
        self.hint = frame.hint
        self.frame = frame


def refused_here(error: str, message: str, hint: str = "") -> Refused:
    """The refusal that the server would give; without ``hint``, with the catalogue's."""
    kind = CATALOGUE[error]
    return Refused(ErrorFrame(error, message, hint or kind.hint, kind.retryable))


class Closed(ClientError):
    """The connection ended with a code that says not to come back (4500 to 4599), or no server was found in time.

    ``reason`` is the close frame's: an id of the catalogue of errors, or a sentence. ``message`` and ``hint`` are for people.
    """

    def __init__(self, code: int, reason: str, hint: str = "") -> None:
        entry = CATALOGUE.get(reason)
        self.message = reason if entry is None else entry.text
        self.hint = hint or ("" if entry is None else entry.hint)
        super().__init__(sentences(self.message, self.hint))
        self.code = code
        self.reason = reason
        self.retry_after_s: float | None = None
        """How long the server or a proxy asked to wait."""

    @property
    def next(self) -> Next:
        """What to do after it."""
        return after_close(self.code)


class TokenExpired(Closed):
    """The token expired, and there is no new one."""

    def __init__(self, hint: str) -> None:
        super().__init__(CATALOGUE["token_expired"].close_code or 0, "token_expired", hint)


class HandshakeRefused(Closed):
    """The server, or a proxy before it, answered with an HTTP ``status`` instead of a connection."""

    def __init__(self, code: int, reason: str, hint: str, *, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(code, reason, hint)
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def next(self) -> Next:
        """What to do after it."""
        return after_status(self.status, self.reason)
