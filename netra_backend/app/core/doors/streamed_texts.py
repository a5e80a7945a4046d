"""Texts that come in parts, over several attempts: what of them is new to a client that cannot unsay anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class News(NamedTuple):
    """The next part of a text. If it ``goes_on``, it follows what was sent; else it begins, or replaces what was taken back."""

    text: str
    goes_on: bool


@dataclass(slots=True)
class StreamedText:
    """``text`` is what its newest attempt has said so far, ``sent`` what the client has of it."""

    attempt: int = 0
    text: str = ""
    sent: str = ""

    def add(self, attempt: int, text: str) -> None:
        """The next part. An earlier attempt counts no more; a later one begins anew."""
        if attempt > self.attempt:
            self.attempt, self.text = attempt, ""
        if attempt == self.attempt:
            self.text += text

    def news(self) -> News | None:
        """What is to be sent now; ``None`` while an attempt only repeats what was sent."""
        text, sent = self.text, self.sent
        if sent.startswith(text):
            return None
        self.sent = text
        goes_on = bool(sent) and text.startswith(sent)
        return News(text[len(sent) :] if goes_on else text, goes_on)


def streamed_as(texts: Mapping[str, StreamedText], name: str, result: str) -> str:
    """Which text a result is, or goes on: that of its name, else the last one it begins with, else a new one: ``name``."""
    if name in texts:
        return name
    streamed = [each for each, text in texts.items() if text.sent and result.startswith(text.sent)]
    return streamed[-1] if streamed else name
