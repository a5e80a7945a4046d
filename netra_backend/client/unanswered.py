"""The messages that wait for an answer: which are sent again over a new connection, and which never. No clock, no socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ..app.core.client_rules import MOST_SENDS, TOO_BIG
from ..app.core.error_catalogue import CATALOGUE
from ..app.core.frames import ErrorFrame
from .errors import Closed, Refused, refused_here

_SURROGATE_HINT: Final = "Send each surrogate (\\ud800 to \\udfff) with its other half, or U+FFFD in its place."

GivenUp = Sequence[tuple[str, Exception]]
"""Keys of messages that are never sent again, each with the reason."""


def encoded(frame: msgspec.Struct) -> bytes:
    """A frame as it is sent. Raises ``Refused`` (``invalid_json``) for half of a surrogate pair, which UTF-8 cannot carry."""
    try:
        return msgspec.json.encode(frame)
    except UnicodeEncodeError as fault:
        where = f"character {fault.start + 1} of a text is half of a surrogate pair"
        raise refused_here("invalid_json", f"The message cannot be sent: {where}.", _SURROGATE_HINT) from None


class _Message:
    __slots__ = ("is_sent", "raw", "sends")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.sends = 0
        self.is_sent = False
        """Over the connection that stands now."""


class Unanswered:
    """Messages by their key, in the order in which they were added."""

    def __init__(self) -> None:
        self._messages: dict[str, _Message] = {}
        self._limit: int | None = None
        self._faults: list[ErrorFrame] = []
        self._suspects: dict[str, None] = {}

    def connected(self, limit: int | None) -> GivenUp:
        """A new connection stands, whose server takes ``limit`` bytes. What is too long for it is given up."""
        self._limit = limit
        too_long = [(key, fault) for key, each in self._messages.items() if (fault := self._too_long(each.raw))]
        return self._give_up(too_long)

    def add(self, key: str, raw: bytes) -> None:
        """A message that is to be sent. Raises ``Refused`` (``payload_too_large``) if the server would not take it."""
        too_long = self._too_long(raw)
        if too_long is not None:
            raise too_long
        self._messages[key] = _Message(raw)

    def unsent(self) -> list[str]:
        """What has not been sent over this connection."""
        return [key for key, each in self._messages.items() if not each.is_sent]

    def sending(self, key: str) -> bytes | None:
        """The message, which is sent now; ``None`` if there is nothing to send."""
        message = self._messages.get(key)
        if message is None or message.is_sent:
            return None
        message.is_sent = True
        message.sends += 1
        return message.raw

    def answered(self, key: str) -> GivenUp:
        """The server answered, or nobody waits any more. What is left of those that may have been at fault is given up."""
        self._messages.pop(key, None)
        if key not in self._suspects:
            return []
        del self._suspects[key]
        return self._judge()

    def fault(self, frame: ErrorFrame) -> GivenUp:
        """The server says that a message is wrong, and could not read which: it is one of those that were sent.

        A single one is given up. Of several, the others are still answered, and the one that stays is it.
        """
        sent = [key for key, each in self._messages.items() if each.is_sent]
        if not sent:
            return []
        self._suspects.update(dict.fromkeys(sent))
        self._faults.append(frame)
        return self._judge()

    def lost(self, code: int) -> GivenUp:
        """The connection ended with this code. What it ended for is given up, and what was sent ``MOST_SENDS`` times."""
        given_up: list[tuple[str, Exception]] = [(key, Refused(self._faults[-1])) for key in self._suspects]
        sent = {key: each for key, each in self._messages.items() if each.is_sent and key not in self._suspects}
        if code == TOO_BIG and sent:
            longest = max(sent, key=lambda key: len(sent[key].raw))
            given_up.append((longest, refused_here("payload_too_large", CATALOGUE["payload_too_large"].text)))
            del sent[longest]
        given_up += [
            (
                key,
                Closed(
                    code,
                    f"The connection was lost {MOST_SENDS} times before this message was answered.",
                    "Send it later, or a shorter one.",
                ),
            )
            for key, each in sent.items()
            if each.sends >= MOST_SENDS
        ]
        for each in self._messages.values():
            each.is_sent = False
        return self._give_up(given_up)

    def _judge(self) -> GivenUp:
        if len(self._suspects) > len(self._faults):
            return []
        return self._give_up([(key, Refused(frame)) for key, frame in zip(self._suspects, self._faults, strict=False)])

    def _give_up(self, given_up: GivenUp) -> GivenUp:
        for key, _ in given_up:
            self._messages.pop(key, None)
            self._suspects.pop(key, None)
        if not self._suspects:
            self._faults.clear()
        return given_up

    def _too_long(self, raw: bytes) -> Refused | None:
        if self._limit is None or len(raw) <= self._limit:
            return None
        return refused_here(
            "payload_too_large",
            f"The message is too long: {len(raw):,} bytes, where the limit is {self._limit:,} bytes.",
        )
