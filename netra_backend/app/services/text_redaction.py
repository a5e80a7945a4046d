"""Finds secrets in a text, in slices: whatever the text, no slice is the work of more than ``SLICE_WORK`` characters.

Three kinds are looked for in one pass: tokens by their shape (``secret_shapes``), what stands after a name that says secret, and
passwords in addresses. Nothing is looked at more often than a fixed number of times, so the work is in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final, TypeVar

from .quotation_marks import (
    AROUND_NAME,
    ENCODED_ENDS,
    ENTITY_ENDS,
    LINES_END,
    MARK,
    OPENING,
    QUOTED_ENDS,
)
from .secret_shapes import HEADS, IN_RUN, JWT, LONGEST_HEAD, PEM, SHAPE_OF, Shape

SHOWN: Final = "***"

WINDOW: Final = 8_192
"""Candidates that begin in so many characters are looked for together."""
SLICE_WORK: Final = 32_768
"""Characters that are searched, each search of one counted, before others have their turn: a few milliseconds."""

FULL: Final = SLICE_WORK - WINDOW - 4 * LONGEST_HEAD
_CANDIDATE_WORK: Final = 32
"""What a candidate costs besides the characters that are searched for its end."""

_IS: Final = rf"(?:{AROUND_NAME})?\s{{0,4}}(?:[:=]|%(?:25){{0,3}}3[ad]|\\{{1,8}}u003[ad])\s{{0,4}}"
"""What stands between a name and its value, percent-encoded in an address, too."""
_BEHIND: Final = "(?<![a-z0-9_])"
_NAMED: Final = re.compile(
    # Each begins with a letter of its own, so that the search skips most of a text.
    rf"b{_BEHIND[:-1]}b)earer(?:[\s.:=]|%20){{1,8}}(?=\S{{8}})(?P<bearer>)"
    rf"|a{_BEHIND[:-1]}a)uthorization{_IS}(?P<authorization>)"
    rf"|c{_BEHIND[:-1]}c)ookie{_IS}(?:{MARK}){{0,3}}(?=[\w!#$%&*+.^`|~-]{{1,64}}=)(?P<cookie>)"
    rf"|p(?:assw(?:or)?d|assphrase|wd(?<![a-z]pwd)(?==)|rivate[-_]?key){_IS}(?P<p>)"
    rf"|s(?:ecret(?:[-_]?(?:access[-_]?)?key)?|haredaccesskey){_IS}(?P<s>)"
    rf"|a(?:pi[-_]?key|ccountkey){_IS}(?P<a>)"
    # "cost per token: low" is none
    rf"|t(?:oken|icket)(?:=|%(?:25){{0,3}}3d|\\{{1,8}}u003d|(?:{AROUND_NAME})\s{{0,4}}:\s{{0,4}}|:\s{{0,4}}(?=\S{{16}}))(?P<t>)"
)
"""In a text of small letters."""
_SCHEME: Final = re.compile(r"[a-z]{1,16}(?:\s|%20){1,4}(?=\S{4}|\*\*\*)")
"""Of an authorization."""
_VALUE_ENDS: Final = re.compile(r"[\s\"'&;,<>]|\\{1,9}[\"']")
_ENCODED_ENDS: Final = re.compile(r"[\s\"'&;,<>]|\\{1,9}[\"']|%(?:25){0,3}2[26]|\\{1,8}u002[26]")
"""Of a value whose name stands before an encoded ``=``: an encoded ``&`` or quotation mark ends it, too."""
_COOKIES_END: Final = re.compile(r"[\r\n\"'\\]")
_KEY_ENDS: Final = re.compile(r"-----")
_KEY_LAST_LINE: Final = re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_SHORTEST_VALUE: Final = 4
_RUN_OF_TWO: Final = re.compile(r"[\w-]{2}")
_MOST_ESCAPES: Final = 64
_NO_SECRETS: Final = frozenset({"null", "none", "true", "false", "undefined"})

_ADDRESS: Final = re.compile(r"://([^\s/@:]{0,256}+:[^\s/@]{1,256}+(?:@[^\s/@\"'<>,;]{1,128}+){0,8})(?=@)")
_LONGEST_ADDRESS: Final = 2_048

Span = tuple[int, int]
T = TypeVar("T")
Sliced = Generator[int, None, T]
"""Work in slices: between two it yields how much the one before was."""


class Pace:
    """How much work the present slice has been."""

    __slots__ = ("work",)

    def __init__(self) -> None:
        self.work = 0

    @property
    def is_full(self) -> bool:
        """Whether the slice ends before anything more of up to ``WINDOW`` characters."""
        return self.work > FULL

    def pause(self) -> int:
        """The work of the slice that ends."""
        work, self.work = self.work, 0
        return work


def at_once(sliced: Sliced[T]) -> T:
    """All slices without a pause."""
    while True:
        try:
            next(sliced)
        except StopIteration as end:
            result: T = end.value
            return result


def text_redaction(text: str, pace: Pace) -> Sliced[str]:
    """``text`` with ``***`` for what is a secret; the same object if there is none."""
    return (yield from _Search(text, pace).redaction())


def has_candidates(text: str) -> bool:
    """Whether a short text has anything that may begin a secret, which few have."""
    return HEADS.search(text) is not None or "://" in text or _NAMED.search(text.lower()) is not None


class _Search:
    """One text, and what is known of it so far. What finds something returns where it ends, or -1."""

    __slots__ = ("_lowered", "_pace", "_run_end", "_text")

    def __init__(self, text: str, pace: Pace) -> None:
        lowered = text.lower()
        self._text = text
        # Of all letters, this one alone becomes two.
        self._lowered = lowered if len(lowered) == len(text) else text.replace("\u0130", "i").lower()
        self._pace = pace
        self._run_end = -1

    def redaction(self) -> Sliced[str]:
        text, pieces, shown_to = self._text, list[str](), 0
        token_at = value_at = address_at = 0
        begin = end = -1
        for start in range(0, len(text), WINDOW):
            stop = min(start + WINDOW, len(text))
            spans: list[Span] = []
            token_at = yield from self._tokens(max(start, token_at), stop, spans)
            value_at = yield from self._values(max(start, value_at), stop, spans)
            address_at = yield from self._addresses(max(start, address_at), stop, spans)
            for first, last in sorted(spans):
                if first <= end:
                    end = max(end, last)
                    continue
                if end >= 0:
                    pieces += (text[shown_to:begin], SHOWN)
                    shown_to = end
                begin, end = first, last
        if end < 0:
            return text
        return "".join((*pieces, text[shown_to:begin], SHOWN, text[end:]))

    def _tokens(self, at: int, stop: int, spans: list[Span]) -> Sliced[int]:
        while at < stop:
            if self._pace.is_full:
                yield self._pace.pause()
            found = HEADS.search(self._text, at, stop + LONGEST_HEAD)
            if found is None or found.start() >= stop:
                self._pace.work += stop - at
                return stop
            begin, body = found.span()
            self._pace.work += body - at + _CANDIDATE_WORK
            assert found.lastgroup is not None
            end = yield from self._token_end(SHAPE_OF[found.lastgroup], begin, body)
            if end < 0:
                at = begin + 1
            else:
                spans.append((begin, end))
                at = end
        return at

    def _token_end(self, shape: Shape, begin: int, body: int) -> Sliced[int]:
        if shape is PEM:
            end = yield from self._end(_KEY_ENDS, body)
            last_line = _KEY_LAST_LINE.match(self._text, end)
            return end if last_line is None else last_line.end()
        if shape is JWT:
            return (yield from self._web_token_end(body))
        if not shape.anywhere and begin and self._text[begin - 1].isalnum():
            return -1
        end = yield from self._end(shape.ends, body)
        return end if end - body >= shape.least else -1

    def _web_token_end(self, body: int) -> Sliced[int]:
        text = self._text
        if self._run_end < body:  # a run is looked at once, however many tokens may begin in it
            self._run_end = yield from self._end(IN_RUN, body)
        end = self._run_end
        if end - body < JWT.least or not text.startswith(".", end):
            return -1
        second = yield from self._end(IN_RUN, end + 1)
        if second - end - 1 < 2 and not (
            second == end + 1 and text.startswith(".", second) and _RUN_OF_TWO.match(text, second + 1)
        ):
            return -1
        while text.startswith(".", second):
            second = yield from self._end(IN_RUN, second + 1)
        return second

    def _values(self, at: int, stop: int, spans: list[Span]) -> Sliced[int]:
        while at < stop:
            if self._pace.is_full:
                yield self._pace.pause()
            found = _NAMED.search(self._lowered, at, stop + LONGEST_HEAD)
            if found is None or found.start() >= stop:
                self._pace.work += stop - at
                return stop
            begin, body = found.span()
            self._pace.work += body - at + _CANDIDATE_WORK
            value, end = yield from self._value(found)
            if end < 0:
                at = begin + 1
            else:
                spans.append((value, end))
                at = end
        return at

    def _value(self, name: re.Match[str]) -> Sliced[Span]:
        """Where the value of this name begins and ends; it ends at -1 if there is none."""
        kind, body = name.lastgroup or "", name.end()
        if kind == "cookie":
            end = yield from self._end(_COOKIES_END, body)
            return body, end
        opening = OPENING.match(self._lowered, body)
        if opening is not None:
            body = opening.end()
        if kind == "authorization" and (scheme := _SCHEME.match(self._lowered, body)):
            body = scheme.end()
        if opening is not None:
            end = yield from self._closed(opening, body)
            if end >= 0:
                return body, end if end - body >= (_SHORTEST_VALUE if kind == "t" else 1) else -1
        is_encoded = "%" in name[0] or "u003" in name[0]
        end = yield from self._end(_ENCODED_ENDS if is_encoded else _VALUE_ENDS, body)
        if end - body < _SHORTEST_VALUE or (end - body < 10 and self._lowered[body:end] in _NO_SECRETS):
            return body, -1
        return body, end

    def _closed(self, opening: re.Match[str], body: int) -> Sliced[int]:
        """Where what was opened is closed in the same way, or -1. The next value that is opened so ends the search, so no part
        of a text is searched often."""
        if mark := opening["mark"]:
            return (yield from self._closed_by(mark, 1 + len(opening["more"] or "") // len(mark), body))
        if encoded := opening["encoded"]:
            return (yield from self._end(ENCODED_ENDS[encoded[0]], body))
        at, entity = body, opening["entity"]
        while entity:
            at = yield from self._end(ENTITY_ENDS, at)
            if self._lowered.startswith(entity, at):
                return at
            if not self._text.startswith("&", at):
                break
            at += 1
        return -1

    def _closed_by(self, mark: str, times: int, body: int) -> Sliced[int]:
        """Where so many of these marks stand, each behind as many backslashes as the first ones; three on any line, less on the
        same one. A mark that belongs to what is quoted has others before it, as of each level of JSON in a text every backslash
        is written as two, or stands there twice, as in SQL."""
        text, escapes, at = self._text, len(mark) - 1, body
        ends = (LINES_END if times == 3 else QUOTED_ENDS)[mark[-1]]
        while True:
            at = yield from self._end(ends, at)
            if not text.startswith(mark[-1], at):
                return -1
            before = text[max(body, at - _MOST_ESCAPES) : at]
            count = len(before) - len(before.rstrip("\\"))
            if count >= escapes and (count - escapes) % (2 * (escapes + 1)) == 0:
                is_doubled = times == 1 and text.startswith(mark, at + 1)
                if is_doubled:
                    at += len(mark)
                elif text.startswith(mark * (times - 1), at + 1):
                    return at - escapes
            at += 1

    def _addresses(self, at: int, stop: int, spans: list[Span]) -> Sliced[int]:
        while at < stop:
            if self._pace.is_full:
                yield self._pace.pause()
            found = _ADDRESS.search(self._text, at, stop + _LONGEST_ADDRESS)
            if found is None or found.start() >= stop:
                self._pace.work += stop - at
                return stop
            self._pace.work += found.end() - at + _CANDIDATE_WORK
            spans.append(found.span(1))
            at = found.end()
        return at

    def _end(self, ends: re.Pattern[str], at: int) -> Sliced[int]:
        """Where the next of what ``ends`` finds begins, or the text's end."""
        while True:
            if self._pace.is_full:
                yield self._pace.pause()
            stop = at + WINDOW
            found = ends.search(self._text, at, stop + LONGEST_HEAD)
            if found is not None:
                self._pace.work += found.start() - at + _CANDIDATE_WORK
                return found.start()
            if stop >= len(self._text):
                self._pace.work += len(self._text) - at
                return len(self._text)
            self._pace.work += WINDOW
            at = stop
