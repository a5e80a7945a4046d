"""Frames that are not of the protocol, generated from a seed, each with the answer that the wire protocol (section 5) gives."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from websockets.frames import Frame, Opcode

from netra_backend.app.core.error_catalogue import FACTORY_REFUSAL_CODE
from netra_backend.app.core.frames import CLIENT_TYPES

MESSAGE_BYTES: Final = 1_048_576
"""A longer text closes the connection."""
FRAME_BYTES: Final = 65_536
"""A longer text is refused."""
FAULTS: Final = frozenset({"invalid_json", "unknown_type", "invalid_frame", "payload_too_large"})
"""The errors of which the third within a minute closes the connection, with ``TOO_MANY_FAULTS``."""
TOO_MANY_FAULTS: Final = 4510
_PRINTABLE: Final = string.ascii_letters + string.digits + string.punctuation + " äß漢🙂\u202e"


@dataclass(frozen=True, slots=True)
class Malformed:
    """One frame, and either the ``error`` (with ``code`` and ``id``) that answers it, or the ``close``."""

    frame: Frame
    error: str | None = None
    code: int | None = None
    id: str | None = None
    close: int | None = None


def malformed(rng: Random) -> Malformed:
    """The next one."""
    return rng.choice(_CATEGORIES)(rng)


def _text(content: str) -> Frame:
    return Frame(Opcode.TEXT, content.encode())


def _noise(rng: Random, most: int = 60) -> str:
    return "".join(rng.choices(_PRINTABLE, k=rng.randint(1, most)))


def _value(rng: Random) -> Any:
    """Any JSON value."""
    return rng.choice([None, True, -1, 1e308, 2**70, _noise(rng), [], [1], {}, {"type": "ping"}, [[[[]]]]])


def _key(rng: Random) -> str:
    return f"key-{rng.getrandbits(64):016x}"


def _valid(rng: Random, kind: str) -> dict[str, Any]:
    """A frame of this type in which nothing is wrong yet."""
    position = {"epoch": "e", "seq": 1}
    own: dict[str, dict[str, Any]] = {
        "authenticate": {"token": "t"},
        "execute_agent": {"agent": "echo", "message": _noise(rng)},
        "cancel_run": {"run_id": f"run_{rng.getrandbits(64):x}"},
        "resolve_approval": {
            "approval_id": f"app_{rng.getrandbits(64):x}",
            "decision": rng.choice(["approve", "deny"]),
            "arguments_hash": f"{rng.getrandbits(64):x}",
        },
        "answer_question": {"question_id": f"qst_{rng.getrandbits(64):x}.1", "answer": _noise(rng)},
        "resume": {"positions": {f"thr_{rng.getrandbits(64):x}": position}},
        "ack": {"positions": {f"thr_{rng.getrandbits(64):x}": position}},
        "ping": {},
    }
    return {"type": kind, **own[kind]}


# --- faults of form -----------------------------------------------------------------------------------------------------


def _no_json(rng: Random) -> Malformed:
    valid = json.dumps(_valid(rng, rng.choice(CLIENT_TYPES)))
    deep = rng.randint(2000, FRAME_BYTES // 2)
    text = rng.choice(
        [
            "?" + _noise(rng, 2000),
            valid[: rng.randrange(1, len(valid))],
            valid + rng.choice(["}", ",", "x", valid]),
            valid.replace('"', "'"),
            valid.replace(":", ":NaN,", 1),
            json.dumps(rng.choice([None, True, 1, 1.5, _noise(rng), [], [{"type": "ping"}]])),
            "[" * deep,
            '{"type":' * (deep // 8),
            "\0" * rng.randint(1, 100),
            "\ufeff" + valid,
        ]
    )
    return Malformed(_text(text), "invalid_json")


def _unknown_type(rng: Random) -> Malformed:
    frame = _valid(rng, rng.choice(CLIENT_TYPES))
    named = [
        _noise(rng),
        "",
        "connected",
        "accepted",
        "agent_completed",
        "PING",
        "ping ",
        "__class__",
        *map(_value, [rng]),
    ]
    frame["type"] = rng.choice(named)
    if rng.random() < 0.2:
        del frame["type"]
    return _with_id(rng, frame, "unknown_type")


def _wrong_fields(rng: Random) -> Malformed:
    kind = rng.choice(CLIENT_TYPES)
    frame = _valid(rng, kind)
    own = [name for name in frame if name != "type"]
    spoilt = rng.randrange(4)
    if spoilt == 0 and (needed := [name for name in own if name != "agent"]):  # without one the default agent is asked
        del frame[rng.choice(needed)]
    elif spoilt == 1 and (typed := [name for name in own if name != "answer"]):  # any JSON is an answer
        name = rng.choice(typed)
        frame[name] = rng.choice([True, 7, [], [{}]] if name == "agent" else [None, True, 7, [], [{}]])
    elif spoilt == 2 and kind in ("resume", "ack"):
        wrong: list[Any] = [{"seq": 1}, {"epoch": "e", "seq": "1"}, {"epoch": "e", "seq": 1.5}, 5, None]
        frame["positions"] = {"thr_1": rng.choice(wrong)}
        if rng.random() < 0.1:
            frame["positions"] = {f"t{number}": {"epoch": "", "seq": 0} for number in range(1001)}
    elif spoilt == 3 and kind == "execute_agent":
        frame |= rng.choice(
            [
                {"policy": "later"},
                {"message": ""},
                {"agent": ""},
                {"agent": "a" * 129},
                {"timezone": "../../etc/passwd"},
                {"timezone": "x" * 65},
                {"stress_ssot_isolation": "yes"},
                {"context": [1]},
                {"thread_id": 5},
            ]
        )
    else:
        frame["field_" + _noise(rng, 20)] = _value(rng)
    return _with_id(rng, frame, "invalid_frame")


def _with_id(rng: Random, frame: dict[str, Any], error: str, code: int | None = None) -> Malformed:
    """With an idempotency key now and then, which the answer repeats."""
    key = _key(rng) if rng.random() < 0.5 and frame.get("type") != "authenticate" else None
    if key is not None:
        frame["id"] = key
    return Malformed(_text(json.dumps(frame, ensure_ascii=rng.random() < 0.5)), error, code, key)


# --- commands that are refused ------------------------------------------------------------------------------------------


def _no_ids(rng: Random) -> Malformed:
    bad = rng.choice(
        ["placeholder_thread", "temp-1", "NULL", "test:x", "default", "a" * 129, "", " x", "usеr_1", "a/b", "{user_id}"]
    )
    frame = _valid(rng, "execute_agent")
    if rng.random() < 0.5:
        frame["thread_id"] = bad
    else:
        frame["context"] = {rng.choice(["user_id", "thread_id", "run_id", "request_id", "connection_id"]): bad}
    return _with_id(rng, frame, "invalid_context", FACTORY_REFUSAL_CODE)


def _somebody_else(rng: Random) -> Malformed:
    other = f"user_{rng.getrandbits(128):032x}"
    own: dict[str, Any] = rng.choice([{"user_id": other}, {"user_id": _noise(rng)}, {"context": {"user_id": other}}])
    return _with_id(rng, _valid(rng, "execute_agent") | own, "isolation_violation", FACTORY_REFUSAL_CODE)


def _factory_command(rng: Random) -> Malformed:
    own = {rng.choice(["force_factory_recreation", "ssot_validation_level"]): _value(rng) or "strict"}
    return _with_id(rng, {"type": "ping", **own}, "factory_command_refused", FACTORY_REFUSAL_CODE)


def _absent(rng: Random) -> Malformed:
    return _with_id(
        rng, _valid(rng, rng.choice(["cancel_run", "resolve_approval", "answer_question", "resume"])), "not_found"
    )


# --- what is not even text ----------------------------------------------------------------------------------------------


def _too_long(rng: Random) -> Malformed:
    id = rng.choice([None, "mine"])
    head = '{"type":"ping",' + (f'"id":"{id}",' if id else "") + '"more":"'
    return Malformed(_text(head + "x" * (FRAME_BYTES + rng.randint(1, 5000))), error="payload_too_large", id=id)


def _not_text(rng: Random) -> Malformed:
    kind = rng.randrange(4)
    if kind == 0:
        return Malformed(Frame(Opcode.BINARY, rng.randbytes(rng.randint(0, 200))), close=1003)
    if kind == 1:
        return Malformed(
            Frame(Opcode.TEXT, b'{"type":"ping"' + rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80"])), close=1007
        )
    if kind == 2:
        return Malformed(Frame(Opcode.TEXT, b"x" * (MESSAGE_BYTES + rng.randint(1, 5000))), close=1009)
    return Malformed(Frame(Opcode.CONT, b"{}"), close=1002)


_CATEGORIES: Final[tuple[Callable[[Random], Malformed], ...]] = (
    *(_no_json, _unknown_type, _wrong_fields) * 4,
    *(_no_ids, _somebody_else, _factory_command, _absent) * 4,
    _not_text,
    _too_long,
)
