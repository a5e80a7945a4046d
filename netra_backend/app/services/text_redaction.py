"""Finds secrets in a text, in slices: whatever the text, no slice is the work of more than ``SLICE_WORK`` characters.

Three kinds are looked for in one pass: tokens by their shape (``secret_shapes``), what stands after a name that says secret, and
passwords in addresses. Nothing is looked at more often than a fixed number of times, so the work is in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final, TypeVar

from .secret_shapes import HEADS, IN_RUN, JWT, LONGEST_HEAD, PEM, SHAPE_OF, Shape

SHOWN: Final = "***"

WINDOW: Final = 8_192
"""Candidates that begin in so many characters are looked for together."""
SLICE_WORK: Final = 32_768
"""Characters that are searched, each search of one counted, before others have their turn: a few milliseconds."""

FULL: Final = SLICE_WORK - WINDOW - 4 * LONGEST_HEAD
_CANDIDATE_WORK: Final = 32
"""What a candidate costs besides the characters that are searched for its end."""

_QUOTE: Final = r"\\{0,8}[\"']"
"""A quotation mark of JSON, also where the JSON stands in a text of another JSON."""
_IS: Final = rf"(?:{_QUOTE}|%(?:25){{0,3}}22)?\s{{0,4}}(?:[:=]|%(?:25){{0,3}}3[ad]|\\{{1,8}}u003[ad])\s{{0,4}}"
"""What stands between a name and its value, percent-encoded in an address, too."""
_BEHIND: Final = "(?<![a-z0-9_])"
_NAMED: Final = re.compile(
    # Each begins with a letter of its own, so that the search skips most of a text.
    rf"b{_BEHIND[:-1]}b)earer(?:[\s.:=]|%20){{1,8}}(?=\S{{8}})(?P<bearer>)"
    rf"|a{_BEHIND[:-1]}a)uthorization{_IS}(?P<open1>{_QUOTE})?(?:[a-z]{{1,16}}(?:\s|%20){{1,4}}(?=\S{{4}}|\*\*\*))?(?P<authorization>)"
    rf"|c{_BEHIND[:-1]}c)ookie{_IS}(?:{_QUOTE})?(?=[\w!#$%&*+.^`|~-]{{1,64}}=)(?P<cookie>)"
    rf"|p(?:assw(?:or)?d|assphrase|wd(?<![a-z]pwd)(?==)|rivate[-_]?key){_IS}(?P<open2>{_QUOTE})?(?P<p>)"
    rf"|s(?:ecret(?:[-_]?(?:access[-_]?)?key)?|haredaccesskey){_IS}(?P<open3>{_QUOTE})?(?P<s>)"
    rf"|a(?:pi[-_]?key|ccountkey){_IS}(?P<open4>{_QUOTE})?(?P<a>)"
    # "cost per token: low" is none
    rf"|t(?:oken|icket)(?:(?:=|%(?:25){{0,3}}3d|\\{{1,8}}u003d)(?P<open5>{_QUOTE})?"
    rf"|{_QUOTE}\s{{0,4}}:\s{{0,4}}(?P<open6>{_QUOTE})?|:\s{{0,4}}(?=\S{{16}}))(?P<t>)"
)
"""In a text of small letters."""
_OPENED: Final = {
    "authorization": ("open1",),
    "p": ("open2",),
    "s": ("open3",),
    "a": ("open4",),
    "t": ("open5", "open6"),
}
_VALUE_ENDS: Final = re.compile(r"[\s\"'&;,<>]|\\{1,9}[\"']")
_ENCODED_ENDS: Final = re.compile(r"[\s\"'&;,<>]|\\{1,9}[\"']|%(?:25){0,3}2[26]|\\{1,8}u002[26]")
"""Of a value whose name stands before an encoded ``=``: an encoded ``&`` or quotation mark ends it, too."""
_COOKIES_END: Final = re.compile(r"[\r\n\"'\\]")
_KEY_ENDS: Final = re.compile(r"-----")
_KEY_LAST_LINE: Final = re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_QUOTED_ENDS: Final = {'"': re.compile(r"[\"\n]"), "'": re.compile(r"['\n]")}
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
            end = yield from self._value_end(found)
            if end < 0:
                at = begin + 1
            else:
                spans.append((body, end))
                at = end
        return at

    def _value_end(self, name: re.Match[str]) -> Sliced[int]:
        kind, body = name.lastgroup or "", name.end()
        if kind == "cookie":
            end = yield from self._end(_COOKIES_END, body)
            return end
        least = _SHORTEST_VALUE
        for opening in _OPENED.get(kind, ()):
            if opened := name[opening]:
                end = yield from self._closed(opened, body)
                if end >= 0:
                    return end if end - body >= (least if kind == "t" else 1) else -1
        is_encoded = "%" in name[0] or "u003" in name[0]
        end = yield from self._end(_ENCODED_ENDS if is_encoded else _VALUE_ENDS, body)
        if end - body < least or (end - body < 10 and self._lowered[body:end] in _NO_SECRETS):
            return -1
        return end

    def _closed(self, opened: str, body: int) -> Sliced[int]:
        """Where what was opened with this quotation mark is closed in its line, by as many backslashes. A mark that belongs to
        what is quoted has others before it: of each level of JSON in a text, every backslash is written as two.
        The next value that is opened in the same way ends the search, so no part of a line is searched often."""
        text, escapes, at = self._text, len(opened) - 1, body
        while True:
            at = yield from self._end(_QUOTED_ENDS[opened[-1]], at)
            if not text.startswith(opened[-1], at):
                return -1
            before = text[max(body, at - _MOST_ESCAPES) : at]
            count = len(before) - len(before.rstrip("\\"))
            if count >= escapes and (count - escapes) % (2 * (escapes + 1)) == 0:
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
