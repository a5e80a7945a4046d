"""Values that nobody is to see are found in whatever form they stand."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from netra_backend.app.core.events import AgentThinking, ToolCompleted, decode_event, encode_event
from netra_backend.app.core.hidden_values import SHOWN, HiddenValues

VALUE = 'p"ss/w\\rd \u00fc\u20ac'
PLACE: dict[str, Any] = {"thread_id": "thr_1", "run_id": "run_1", "seq": 12_345_678, "ts": 1_234_567_890_123}


@pytest.fixture
def hidden() -> HiddenValues:
    values = HiddenValues()
    values.add(VALUE)
    values.add("12345678")
    values.add(VALUE)
    return values


@pytest.mark.parametrize(
    "text",
    [
        VALUE,
        json.dumps(VALUE),
        json.dumps(VALUE, ensure_ascii=False),
        json.dumps({"inner": json.dumps({"key": "12345678"})}),
        quote(VALUE, safe=""),
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(b"12345678").decode(),
    ],
)
def test_a_value_is_found_as_it_is_and_encoded(hidden: HiddenValues, text: str) -> None:
    shown = hidden.text(f"before {text} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "***" in shown
    assert "12345678" not in shown
    assert "ss/w" not in shown
    event = AgentThinking(**PLACE, text=f"before {text} after")
    frame = hidden.event(encode_event(event))
    assert hidden.is_in(encode_event(event))
    made: Any = decode_event(frame)
    assert made.text == shown
    assert (made.seq, made.ts, made.run_id) == (PLACE["seq"], PLACE["ts"], "run_1")


def test_nothing_else_is_touched(hidden: HiddenValues) -> None:
    frame = encode_event(AgentThinking(**{**PLACE, "seq": 1, "ts": 2}, text="nothing of it"))
    assert hidden.event(frame) is frame
    assert not hidden.is_in(frame)
    assert hidden.encoded(b'{"a":1}') == b'{"a":1}'
    assert not HiddenValues()
    assert hidden


def test_names_and_numbers_are_looked_at_and_what_is_left_is_json(hidden: HiddenValues) -> None:
    result = {"12345678": [12345678, -123456789, 1.5, True, None, ("x12345678",)], "elapsed": 7}
    event = ToolCompleted(**PLACE, call_id="c", tool="t", ok=True, elapsed_ms=12345678, result=result)
    made: Any = decode_event(hidden.event(encode_event(event)))
    assert made.result == {"***": ["***", "***", 1.5, True, None, ["x***"]], "elapsed": 7}
    assert made.elapsed_ms == 12345678  # a number of the event's own
    assert msgspec.json.decode(hidden.encoded(msgspec.json.encode(result)))["elapsed"] == 7


@pytest.mark.parametrize(
    ("secret", "value"),
    [
        ("swordfish", {"a": ["swordfish", "x swordfish y", 1], "swordfish": None}),
        ("newpass1", ["\newpass1", "\\newpass1", "newpass1"]),
        ("0001abcd", ["\u0001abcd", "0001abcd"]),
        ('","secret', ["a\\", "secret", '","secret']),
        ('",1234567', ["a\\", 1234567]),
        ("12345678", [12345678, "12345678", {"12345678": 1}]),
        (":1234567", {"a": 1234567}),
        ("p\u00e4ssword", ["p\u00e4ssword", "\u00e4ssword"]),
    ],
)
def test_hiding_in_encoded_json_is_hiding_in_what_it_says(secret: str, value: Any) -> None:
    hidden = HiddenValues()
    hidden.add(secret)
    body = msgspec.json.encode(value)
    assert msgspec.json.decode(hidden.encoded(body)) == hidden.plain(value) == hidden.without(value)


def test_a_large_result_is_not_looked_at_text_by_text(monkeypatch: pytest.MonkeyPatch, hidden: HiddenValues) -> None:
    looked: list[Any] = []

    def noted(_: HiddenValues, text: str) -> str:
        looked.append(text)
        return text

    monkeypatch.setattr(HiddenValues, "text", noted)
    rows: list[Any] = ["ab", 1.5] * 1_000
    assert hidden.without(rows) is rows
    assert hidden.without([*rows, "x12345678"]) == [*rows, "x***"]
    assert hidden.encoded(msgspec.json.encode(["12345678"])) == b'["***"]'
    assert not looked


def test_what_is_no_json_is_hidden_as_it_is(hidden: HiddenValues) -> None:
    half, strange = "\ud800", object()
    assert hidden.without([half, "12345678", strange]) == [half, "***", strange]


def test_a_number_that_cannot_be_written_stays(hidden: HiddenValues) -> None:
    large, secret = 10**5_000, "hunter2-hunter2"
    hidden.add(secret)
    assert hidden.without({large: [large, secret], "n": 1, 2: 3}) == {large: [large, SHOWN], "n": 1, "2": 3}


def test_how_much_of_a_text_waits_tells_nothing_of_the_value() -> None:
    hidden = HiddenValues()
    hidden.add("correct-horse")
    held = {len(hidden.split(text)[1]) for text in ("x" * 90 + "correct-hors", "y" * 102, "correct-h" + "z" * 93)}
    assert len(held) == 1


def test_a_value_that_comes_in_parts_is_hidden_wherever_they_are_cut() -> None:
    hidden = HiddenValues()
    hidden.add("correct-horse")
    text = "It is correct-horse, correct-horse " * 5 + "x" * 200
    for size in (1, 2, 5, 12, 13, 14, 40):
        shown, held = "", ""
        for at in range(0, len(text), size):
            part, held = hidden.split(held + text[at : at + size])
            shown += part
            assert "correct" not in shown
        assert shown + held == text.replace("correct-horse", "***")


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "someone-else:"])
@pytest.mark.parametrize("behind", ["", "1", "12", "123"])
@pytest.mark.parametrize("value", ["correct-horse-battery", "\u00fc>?~8chars", VALUE])
def test_a_value_is_found_in_base64_together_with_what_stands_around_it(before: str, behind: str, value: str) -> None:
    hidden = HiddenValues()
    hidden.add(value)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        coded = encode(f"{before}{value}{behind}".encode()).decode()
        shown = hidden.text(f"Authorization: Basic {coded}")
        left, right = shown.removeprefix("Authorization: Basic ").split("***")
        assert len(left) <= -(
            -len(before) * 8 // 6
        )  # whole characters of what stands before it, and one that it shares
        assert len(right.rstrip("=")) <= -(-len(behind) * 8 // 6) + 1


@pytest.mark.parametrize("write", [lambda body: body.hex(), lambda body: body.hex().upper()])
def test_a_value_is_found_in_hexadecimal(write: Any) -> None:
    hidden = HiddenValues()
    hidden.add("correct-horse")
    assert hidden.text(f"0x{write(b'correct-horse')}!") == "0x***!"


def test_a_value_is_found_as_html_and_python_write_it() -> None:
    hidden = HiddenValues()
    hidden.add("<correct>'\\horse")
    assert hidden.text("&lt;correct&gt;&#x27;\\horse") == "***"
    assert hidden.text(repr("<correct>'\\horse\n")) == '"***\\n"'
