"""Frames: what a client may send, the answer to everything else, and what the server says."""

from __future__ import annotations

import json
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_backend.app.core import validation
from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.app.core.errors import FrameRefused, InvalidContextError, LimitRefused
from netra_backend.app.core.events import Position
from netra_backend.app.core.frames import (
    CLIENT_TYPES,
    MAX_FIELD,
    MAX_KEY,
    Accepted,
    Ack,
    AnswerQuestion,
    AnyClientFrame,
    Authenticate,
    CancelRun,
    ExecuteAgent,
    Heartbeat,
    Ping,
    Pong,
    ResolveApproval,
    Resume,
    decode,
    encode_frame,
    error_frame,
    key_of,
)
from netra_backend.app.core.message_parts import MAX_PARTS, FilePart, TextPart

NO_MESSAGE = ('{"type":"execute_agent","agent":"a"}', '{"type":"execute_agent","agent":"a","parts":[]}')
DEEP = '{"type":"execute_agent","context":' + '{"a":' * 5000 + "1" + "}" * 5000 + "}"


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type":"authenticate","token":"t"}', Authenticate("t")),
        ('{"type":"execute_agent","agent":"a","message":"m"}', ExecuteAgent("a", "m")),
        (
            '{"message":"m","agent":"a","type":"execute_agent","id":"k","policy":"interrupt","timezone":"Europe/Berlin"}',
            ExecuteAgent("a", "m", id="k", policy="interrupt", timezone="Europe/Berlin"),
        ),
        (
            '{"type":"execute_agent","agent":"a","parts":[{"type":"text","text":"m"},{"type":"file","file_id":"file_1"}],'
            '"supersedes":"run_1","client_run_id":"mine"}',
            ExecuteAgent("a", parts=(TextPart("m"), FilePart("file_1")), supersedes="run_1", client_run_id="mine"),
        ),
        ('{"type":"cancel_run","run_id":"run_1"}', CancelRun("run_1")),
        (
            '{"type":"resolve_approval","approval_id":"apr_1","decision":"deny","arguments_hash":"h"}',
            ResolveApproval("apr_1", "deny", "h"),
        ),
        (
            '{"type":"resolve_approval","approval_id":"apr_1","decision":"approve","arguments_hash":"h","reason":"r",'
            '"arguments":{"n":1},"remember":true}',
            ResolveApproval("apr_1", "approve", "h", reason="r", arguments={"n": 1}, remember=True),
        ),
        ('{"type":"answer_question","question_id":"qst_1","answer":null}', AnswerQuestion("qst_1", None)),
        ('{"type":"answer_question","question_id":"q","answer":[1],"id":"k"}', AnswerQuestion("q", [1], "k")),
        ('{"type":"resume","positions":{"thr_1":{"epoch":"e","seq":7}}}', Resume({"thr_1": Position("e", 7)})),
        ('{"type":"ack","positions":{}}', Ack({})),
        ('{"type":"ping","id":"k"}', Ping("k")),
        ('{"type":"ping","force_factory_recreation":true}', Ping(force_factory_recreation=True)),
    ],
)
def test_each_frame_is_decoded_from_text_and_from_bytes(text: str, frame: AnyClientFrame) -> None:
    assert decode(text) == frame
    assert decode(text.encode()) == frame


def test_every_known_type_is_named_to_whoever_sends_another() -> None:
    tags = {frame.__struct_config__.tag for frame in AnyClientFrame.__args__}
    assert tags == set(CLIENT_TYPES)


@pytest.mark.validation_point("frame.json")
@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "{",
        "nil",
        "[]",
        "7",
        '"ping"',
        "null",
        '{"type":"ping"}x',
        '{"type":"ping",}',
        b"\xff\xfe{}",
        "\ud800",
        DEEP,
    ],
)
def test_what_is_not_one_json_object_is_invalid_json(raw: str | bytes) -> None:
    with pytest.raises(FrameRefused) as refused:
        decode(raw)
    assert refused.value.entry.id == "invalid_json"
    assert refused.value.point is validation.FRAME_JSON


@pytest.mark.validation_point("frame.type")
@pytest.mark.parametrize("kind", ["pong", "PING", "", None, 7, ["ping"], {"a": 1}])
def test_an_unknown_type_is_refused_with_the_known_ones(kind: object) -> None:
    with pytest.raises(FrameRefused, match="Known types: authenticate, execute_agent") as refused:
        decode(json.dumps({"type": kind}))
    assert refused.value.entry.id == "unknown_type"
    assert refused.value.field == "type"


@pytest.mark.validation_point("frame.type")
def test_a_frame_without_a_type_is_of_unknown_type() -> None:
    with pytest.raises(FrameRefused) as refused:
        decode("{}")
    assert refused.value.entry.id == "unknown_type"


@pytest.mark.validation_point("frame.fields")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"type": "execute_agent", "agent": "a"}, None),
        ({"type": "execute_agent", "agent": "a", "message": ""}, "message"),
        ({"type": "execute_agent", "agent": "", "message": "m"}, "agent"),
        ({"type": "execute_agent", "agent": "a" * 129, "message": "m"}, "agent"),
        ({"type": "execute_agent", "agent": "a", "message": 7}, "message"),
        ({"type": "execute_agent", "agent": "a", "message": "m", "id": ""}, "id"),
        ({"type": "execute_agent", "agent": "a", "message": "m", "id": "k" * 65}, "id"),
        ({"type": "execute_agent", "agent": "a", "message": "m", "policy": "now"}, "policy"),
        ({"type": "execute_agent", "agent": "a", "message": "m", "timezone": "x" * 65}, "timezone"),
        ({"type": "execute_agent", "agent": "a", "message": "m", "context": []}, "context"),
        ({"type": "execute_agent", "agent": "a", "message": "m", "admin": True}, None),
        ({"type": "resolve_approval", "approval_id": "a", "decision": "yes", "arguments_hash": ""}, "decision"),
        (
            {
                "type": "resolve_approval",
                "approval_id": "a",
                "decision": "deny",
                "arguments_hash": "",
                "reason": "x" * 2_001,
            },
            "reason",
        ),
        ({"type": "answer_question", "question_id": 7, "answer": 1}, "question_id"),
        ({"type": "resume", "positions": {"t": {"epoch": "e"}}}, "positions[...]"),
        ({"type": "resume", "positions": {f"t{n}": {"epoch": "e", "seq": n} for n in range(1001)}}, "positions"),
        ({"type": "authenticate", "token": "t" * 16385}, "token"),
        ({"type": "ping", "run": 1}, None),
    ],
)
def test_fields_that_do_not_fit_are_refused_by_name(fields: dict[str, object], field: str | None) -> None:
    with pytest.raises(FrameRefused, match=f"The fields of {fields['type']} are not valid") as refused:
        decode(json.dumps(fields))
    assert refused.value.entry.id == "invalid_frame"
    assert refused.value.field == field


@pytest.mark.validation_point("frame.fields")
def test_a_hostile_field_name_is_not_echoed_at_length() -> None:
    with pytest.raises(FrameRefused) as refused:
        decode(json.dumps({"type": "ping", "`$." + "x" * 60_000: 1}))
    assert refused.value.field == "x" * MAX_FIELD
    assert len(encode_frame(error_frame(refused.value))) < 1000


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_text_brings_anything_but_a_frame_or_a_refusal(raw: str | bytes) -> None:
    try:
        answer = type(decode(raw)).__name__
    except FrameRefused as refusal:
        answer = refusal.entry.id
    assert answer in {
        "invalid_json",
        "unknown_type",
        "invalid_frame",
        *(kind.__name__ for kind in AnyClientFrame.__args__),
    }


def test_a_valid_frame_with_bytes_changed_brings_a_frame_or_a_refusal(rng: random.Random) -> None:
    model = bytearray(b'{"type":"resume","id":"k","positions":{"thr_1":{"epoch":"e","seq":7}}}')
    answers = set()
    for _ in range(5000):
        raw = bytearray(model)
        for _ in range(rng.randint(1, 3)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        try:
            answers.add(type(decode(bytes(raw))).__name__)
        except FrameRefused as refusal:
            answers.add(refusal.entry.id)
    assert answers == {"Resume", "invalid_json", "unknown_type", "invalid_frame"}


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ('{"id":"k","type":"?"}', "k"),
        ('{"id":"' + "k" * MAX_KEY + '"}', "k" * MAX_KEY),
        ('{"id":"' + "k" * (MAX_KEY + 1) + '"}', None),
        ('{"id":""}', None),
        ('{"id":7}', None),
        ("{}", None),
        ("no JSON", None),
        ("\ud800", None),
    ],
)
def test_the_key_of_a_refused_frame_is_told_where_it_is_usable(raw: str, key: str | None) -> None:
    assert key_of(raw) == key


def test_a_server_frame_leaves_out_what_is_not_known() -> None:
    assert msgspec.json.decode(encode_frame(Accepted("k", seq=1))) == {"type": "accepted", "id": "k", "seq": 1}
    assert msgspec.json.decode(encode_frame(Pong(5))) == {"type": "pong", "server_time": 5}
    assert msgspec.json.decode(encode_frame(Heartbeat({"t": 3}))) == {"type": "heartbeat", "tops": {"t": 3}}


def test_an_error_frame_says_what_the_catalogue_and_the_refusal_know() -> None:
    error = InvalidContextError("Factory SSOT validation failed: bad", point=validation.ID_FORMAT, field="thread_id")
    frame = error_frame(error, id="k", run_id="run_1", error_id="err_1")
    entry = CATALOGUE["invalid_context"]
    assert (frame.error, frame.message, frame.hint) == ("invalid_context", error.message, entry.hint)
    assert (frame.code, frame.field, frame.id, frame.run_id, frame.error_id) == (
        1011,
        "thread_id",
        "k",
        "run_1",
        "err_1",
    )
    assert frame.retryable is False
    waiting = error_frame(LimitRefused("Slow down.", retry_after_ms=20, point=validation.LIMIT_RUNS))
    assert (waiting.retryable, waiting.retry_after_ms, waiting.code) == (True, 20, None)


def test_a_plain_decision_is_sent_as_servers_of_0_1_0_take_it() -> None:
    sent = msgspec.json.decode(msgspec.json.encode(ResolveApproval("apr_1", "deny", "h", "k")))
    assert sent == {
        "type": "resolve_approval",
        "approval_id": "apr_1",
        "decision": "deny",
        "arguments_hash": "h",
        "id": "k",
    }


@pytest.mark.parametrize("text", NO_MESSAGE)
def test_a_request_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(FrameRefused, match="missing required field `message` or `parts`"):
        decode(text)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([{"type": "picture"}], "parts[0].type"),
        ([{"type": "text", "text": ""}], "parts[0].text"),
        ([{"type": "file", "file_id": "file_1", "user_id": "user_bob"}], "parts[0]"),
        ([{"type": "data", "data": 1}] * (MAX_PARTS + 1), "parts"),
    ],
)
def test_what_is_no_part_is_refused_by_its_place(parts: list[object], field: str) -> None:
    with pytest.raises(FrameRefused) as refused:
        decode(json.dumps({"type": "execute_agent", "agent": "a", "parts": parts}))
    assert (refused.value.entry.id, refused.value.field) == ("invalid_frame", field)
