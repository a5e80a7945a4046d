"""The elements of a JSON document of any size, one at a time, in memory for one element."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, Final

from ....core.limits import USUAL, told_size
from .source import broken

CONTAINERS: Final = frozenset({"data", "resourceSpans", "observations", "spans", "rows", "items", "records", "logs"})
"""Members of an outer object (a page of an API, a batch of spans) whose elements are the records."""

_SPACE: Final = " \t\r\n"
_ENDS: Final = frozenset(_SPACE + ",]}")


def elements(chunks: Iterator[bytes], most_characters: int = USUAL.import_line_bytes) -> Iterator[Any]:
    """The records of a document: the elements of an outer array, or of an outer object's container, else the value itself.
    Several documents may follow one another. Raises ``ToolError`` (``BAD_ROWS``) if it ends early or is damaged,
    or if an element has more than ``most_characters``."""
    text = _Text(chunks, most_characters)
    while opening := text.peek():
        if opening == "[":
            yield from _array(text)
        elif opening == "{":
            yield from _object(text)
        else:
            yield text.value()


def _array(text: _Text) -> Iterator[Any]:
    text.skip("[")
    if text.peek() != "]":
        yield text.value()
        while text.peek() == ",":
            text.skip(",")
            yield text.value()
    text.skip("]")


def _object(text: _Text) -> Iterator[Any]:
    members: dict[str, Any] = {}
    contained = False
    text.skip("{")
    while text.peek() != "}":
        if members or contained:
            text.skip(",")
        key = text.value()
        text.skip(":")
        if key in CONTAINERS and text.peek() == "[":
            contained = True
            yield from _array(text)
        else:
            members[str(key)] = text.value()
            text.check_size(len(members))
    text.skip("}")
    if not contained:
        yield members


class _Text:
    """A window on the document: what was consumed is forgotten, what is missing is read."""

    def __init__(self, chunks: Iterator[bytes], most: int) -> None:
        self._chunks = chunks
        self._most = most
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._decode = json.JSONDecoder(strict=False).raw_decode
        self._window = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._window):
                if (character := self._window[self._at]) not in _SPACE:
                    return character
                self._at += 1
            if not self._fill():
                return ""

    def skip(self, expected: str) -> None:
        """Consume ``expected``, which must be what comes next."""
        found = self.peek()
        if found != expected:
            raise broken(
                f"The JSON document is damaged: expected {expected!r}, but found {found!r}."
                if found
                else "The JSON document ends unexpectedly."
            )
        self._at += 1

    def value(self) -> Any:
        """Consume and return one value."""
        self.peek()
        while True:
            try:
                value, end = self._decode(self._window, self._at)
            except json.JSONDecodeError as error:
                if not self._fill():
                    where = "ends unexpectedly" if error.pos >= len(self._window) else f"is damaged: {error.msg}"
                    raise broken(f"The JSON document {where}.") from None
                continue
            except RecursionError:
                raise broken("The JSON document is nested too deeply.") from None
            except ValueError:  # the interpreter's bound on the digits of a whole number
                raise broken("The JSON document holds a number of more digits than can be read.") from None
            # A number that nothing ends yet ("1", "1.", "1e") may go on in the next chunk.
            if type(value) in (dict, list, str) or self._window[end : end + 1] in _ENDS or not self._fill():
                self._at = end
                return value

    def check_size(self, members: int) -> None:
        """Refuse an outer object that is no container and does not end."""
        if members > 10_000:
            raise broken("The JSON document's outer object has more than 10,000 members.")

    def _fill(self) -> bool:
        if self._ended:
            return False
        left = len(self._window) - self._at
        if left > self._most:
            raise broken(
                f"One JSON value is larger than {told_size(self._most)}.", "Export one record per line (JSON Lines)."
            )
        # Reading as much again as is left makes the retries of one large value linear in its size.
        parts = [self._window[self._at :]]
        gained = 0
        while gained <= left and not self._ended:
            chunk = next(self._chunks, b"")
            self._ended = not chunk
            parts.append(self._utf8.decode(chunk, final=self._ended))
            gained += len(parts[-1])
        self._window, self._at = "".join(parts), 0
        return gained > 0
