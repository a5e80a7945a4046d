"""Values that a run was given and that nobody is to see: found in whatever form it emits them."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus

import msgspec

from .asks import ask_of, fingerprint, hidden_key
from .events import decode_event
from .step_keys import escaped

SHOWN: Final = "***"
SHORTEST: Final = 8
"""A shorter value would stand in texts that have nothing to do with it."""

_SHOWN: Final = SHOWN.encode()
_CHECKED: Final = msgspec.json.Decoder(msgspec.Raw)


class HiddenValues:
    """The values of one run. Each is found as it is, and as JSON, HTML, Python, step keys, percent-encoding and hexadecimal write
    it, and in Base64 (RFC 4648), alone or with something before and behind it."""

    __slots__ = ("__weakref__", "_forms", "_longest", "_marks")

    def __init__(self) -> None:
        self._longest = 1
        self._forms: tuple[str, ...] = ()
        self._marks: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._forms)

    @property
    def written(self) -> Iterator[bytes]:
        """Each form as it is and as a text of JSON has it."""
        yield from self._marks
        for form in self._forms:
            yield form.encode("utf-8", "surrogatepass")

    def add(self, value: str) -> None:
        """Hide this value, too."""
        if value in self._forms:
            return
        self._take({*self._forms, *_forms(value)})

    @classmethod
    def of_all(cls, several: Iterable[HiddenValues]) -> HiddenValues:
        """The values of all of these in one."""
        all_of_them = cls()
        all_of_them._take({form for each in several for form in each._forms})
        return all_of_them

    def _take(self, forms: set[str]) -> None:
        self._forms = tuple(sorted(forms, key=len, reverse=True))
        self._longest = max(map(len, forms), default=1)
        self._marks = tuple(map(_json_text, self._forms))

    def is_in(self, encoded: bytes) -> bool:
        """Whether JSON that this server encoded may hold one of them."""
        return any(mark in encoded for mark in self._marks)

    def text(self, text: str) -> str:
        """The text without them."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, SHOWN)
        return text

    def split(self, text: str) -> tuple[str, str]:
        """What may be shown, without them, of a text that goes on; and its end, which may be the beginning of one. How much waits
        depends on no character of the text: that would show the author of the text how one of them begins."""
        text = self.text(text)
        cut = max(0, len(text) - self._longest + 1)
        return text[:cut], text[cut:]

    def plain(self, value: Any) -> Any:
        """Plain JSON without them, in texts, names and numbers. A number of more digits than can be written stays."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self._name(name): self.plain(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            written = _number(value)
            return value if self.text(written) == written else SHOWN
        return value

    def _name(self, name: Any) -> Any:
        if isinstance(name, str):
            return self.text(name)
        written = _number(name) if isinstance(name, int) else str(name)
        return self.text(written) if written else name

    def without(self, value: Any) -> Any:
        """As ``plain``; the same object if none of them is in it. No text is looked at by itself, as long as that will do."""
        if not self._forms:
            return value
        try:
            body = msgspec.json.encode(value)
        except (TypeError, ValueError, OverflowError):
            return self.plain(value)
        return msgspec.json.decode(self.encoded(body)) if self.is_in(body) else value

    def encoded(self, body: bytes) -> bytes:
        """A JSON body without them."""
        if not self._marks or not self.is_in(body):
            return body
        shown = body
        for mark in self._marks:
            shown = shown.replace(mark, _SHOWN)
        try:  # asterisks in a number, between values or in the middle of an escape are no JSON
            _CHECKED.decode(shown)
        except msgspec.DecodeError:
            return msgspec.json.encode(self.plain(msgspec.json.decode(body)))
        return shown

    def event(self, frame: bytes) -> bytes:
        """An event's bytes without them. Its place is numbers of its own, which stay."""
        if not self.is_in(frame):
            return frame
        fields = msgspec.json.decode(frame)
        numbers = {name: value for name, value in fields.items() if isinstance(value, int)}
        place = {name: fields[name] for name in ("type", "thread_id", "run_id")}
        shown = {**self.plain(fields), **numbers, **place}
        if "step" in fields:
            self._begun(frame, fields, shown)
        return msgspec.json.encode(shown)

    def _begun(self, frame: bytes, fields: dict[str, Any], shown: dict[str, Any]) -> None:
        """A step that begins is found, and told from others, on a replay: by what was asked, not by what is shown of it."""
        run_id, key = fields["run_id"], fields["step"]
        shown["step"] = key if shown["step"] == key else hidden_key(run_id, key)
        ask = ask_of(decode_event(frame))
        if "fingerprint" in fields:
            shown["fingerprint"] = fields["fingerprint"]
        elif ask is not None and ask != ask_of(decode_event(msgspec.json.encode(shown))):
            shown["fingerprint"] = fingerprint(run_id, ask)


def _number(value: float) -> str:
    """A number as JSON has it; empty if it has more digits than can be written."""
    try:
        return msgspec.json.encode(value).decode()
    except ValueError:
        return ""


def _json_text(text: str) -> bytes:
    return msgspec.json.encode(text)[1:-1]


def _forms(value: str) -> Iterable[str]:
    body = value.encode()
    written = _json_text(value).decode()
    yield from (value, written, "".join(each if each.isascii() else f"\\u{ord(each):04x}" for each in written))
    yield from (quote(value, safe=""), quote(value), quote_plus(value), escaped(value))
    yield from (body.hex(), body.hex().upper(), html.escape(value), repr(value)[1:-1])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(body).decode().rstrip("=")
        yield from (form for before in range(3) if len(form := _inside(encode, body, before)) >= SHORTEST)


def _inside(encode: Callable[[bytes], bytes], body: bytes, before: int) -> str:
    """The characters that every Base64 of something longer has for ``body``, if so many bytes stand before it, counted by three:
    those that hold none of its neighbours' bits."""
    bits = 8 * (before + len(body))
    return encode(b"\0" * before + body).decode()[-(-8 * before // 6) : bits // 6]
