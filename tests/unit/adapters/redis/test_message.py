"""Messages of a bus: whole, sealed and for one owner; whatever else comes is refused."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from netra_backend.app.adapters.redis.message import (
    MAX_FRAMES,
    MAX_MESSAGE_BYTES,
    VERSION,
    BadMessage,
    Told,
    _seal,
    is_from,
    make_message,
    open_message,
)
from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead

KEY, SENDER = b"k" * 32, b"12345678"


def chunk(*frames: bytes, first: int = 7) -> Chunk:
    made = Chunk(RunRecord(ThreadHead("user_ada", "thr_1", "e1", 1), "run_1", "req_1", "a", None, "UTC", 0), first)
    made.frames = list(frames or (b'{"seq":7}',))
    return made


def sealed(said: Any) -> bytes:
    """A message that somebody with the key made, whatever it says."""
    body = SENDER + msgspec.msgpack.encode(said)
    return _seal(body, KEY) + body


def test_what_was_said_is_heard_byte_for_byte() -> None:
    frames = ['{"text":"é\U0001f600"}'.encode(), b"{}"]
    message = make_message(chunk(*frames), SENDER, KEY)
    assert open_message(message, KEY, "user_ada") == Told("user_ada", "thr_1", "e1", 7, frames)


def test_a_message_of_0_1_0_is_understood(messages_of_0_1_0: dict[str, dict[str, bytes]]) -> None:
    bus = messages_of_0_1_0["bus"]
    frames = [b'{"type":"a"}', b'{"type":"b"}']
    assert is_from(bus["message"], bus["sender"])
    assert open_message(bus["message"], bus["key"], "user_ada") == Told("user_ada", "thr_1", "epoch_1", 7, frames)


class ToldIn010(msgspec.Struct, array_like=True):
    """A message as release 0.1.0 reads it."""

    owner: str
    thread_id: str
    epoch: str
    first: int
    frames: list[bytes]


def test_a_message_is_understood_by_a_process_of_0_1_0() -> None:
    body = make_message(chunk(), SENDER, KEY)[16 + len(SENDER) :]
    assert msgspec.msgpack.decode(body, type=ToldIn010) == ToldIn010("user_ada", "thr_1", "e1", 7, [b'{"seq":7}'])


@pytest.mark.parametrize("more", [[], ["of tomorrow"]])
def test_a_message_of_a_newer_version_is_refused(more: list[str]) -> None:
    told = ["user_ada", "thr_1", "e1", 7, [b"{}"]]
    assert open_message(sealed([*told, VERSION, *more]), KEY, "user_ada").frames == [b"{}"]
    with pytest.raises(BadMessage, match=f"of version {VERSION + 1}"):
        open_message(sealed([*told, VERSION + 1, *more]), KEY, "user_ada")


def test_a_process_knows_its_own_messages() -> None:
    message = make_message(chunk(), SENDER, KEY)
    assert is_from(message, SENDER)
    assert not is_from(message, b"87654321")
    assert not is_from(b"", SENDER)


def test_a_message_that_was_made_without_the_key_is_refused() -> None:
    with pytest.raises(BadMessage, match="seal"):
        open_message(make_message(chunk(), SENDER, b"another"), KEY, "user_ada")


def test_a_message_for_somebody_else_is_refused() -> None:
    with pytest.raises(BadMessage, match="owner"):
        open_message(make_message(chunk(), SENDER, KEY), KEY, "user_bob")


def test_a_message_of_which_any_byte_was_changed_is_refused(rng: random.Random) -> None:
    message = make_message(chunk(b'{"text":"hello"}'), SENDER, KEY)
    for _ in range(300):
        at, bit = rng.randrange(len(message)), 1 << rng.randrange(8)
        broken = message[:at] + bytes([message[at] ^ bit]) + message[at + 1 :]
        with pytest.raises(BadMessage):
            open_message(broken, KEY, "user_ada")


@pytest.mark.parametrize("message", [b"", b"x", b"x" * 24, b"x" * 25, b"x" * (MAX_MESSAGE_BYTES + 1)])
def test_what_is_too_short_or_too_long_is_refused(message: bytes) -> None:
    with pytest.raises(BadMessage):
        open_message(message, KEY, "user_ada")


@pytest.mark.parametrize(
    "said",
    [
        [],
        {},
        None,
        "text",
        ["user_ada", "thr_1", "e1", 0, [b"{}"]],
        ["user_ada", "thr_1", "e1", -1, [b"{}"]],
        ["user_ada", "thr_1", "e1", 2**53 + 1, [b"{}"]],
        ["user_ada", "thr_1", "e1", 1.5, [b"{}"]],
        ["user_ada", "thr_1", "e1", 1, []],
        ["user_ada", "thr_1", "e1", 1, [b"{}"] * (MAX_FRAMES + 1)],
        ["user_ada", "thr_1", "e1", 1, [b""]],
        ["user_ada", "thr_1", "e1", 1, [b"[]"]],
        ["user_ada", "thr_1", "e1", 1, [b'{"text":"\xff"}']],
        ["user_ada", "thr_1", "e1", 1, ["{}"]],
        ["user_ada", "t" * 129, "e1", 1, [b"{}"]],
        ["user_ada", "", "e1", 1, [b"{}"]],
        ["user_ada", "thr_1", "", 1, [b"{}"]],
        ["user_ada", 1, "e1", 1, [b"{}"]],
        ["user_ada", "thr_1", "e1", 1, [b"{}"], 0],
        ["user_ada", "thr_1", "e1", 1, [b"{}"], "1"],
    ],
)
def test_what_no_process_of_ours_says_is_refused_even_with_the_key(said: Any) -> None:
    with pytest.raises(BadMessage):
        open_message(sealed(said), KEY, "user_ada")


def test_noise_is_refused(rng: random.Random) -> None:
    for _ in range(500):
        body = SENDER + rng.randbytes(rng.randrange(1, 80))
        with pytest.raises(BadMessage):
            open_message(_seal(body, KEY) + body, KEY, "user_ada")
