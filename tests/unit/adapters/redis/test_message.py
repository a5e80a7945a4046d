"""Messages of a bus: whole, encrypted and for one owner; whatever else comes is refused."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from netra_backend.app.adapters.redis.message import (
    MAX_FRAMES,
    MAX_MESSAGE_BYTES,
    SENDER_BYTES,
    VERSION,
    BadMessage,
    Opener,
    Sealer,
    Told,
    _cipher,
)
from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead

KEY, SENDER = b"k" * 32, b"0123456789abcdef"


def chunk(*frames: bytes, first: int = 7) -> Chunk:
    made = Chunk(RunRecord(ThreadHead("user_ada", "thr_1", "e1", 1), "run_1", "req_1", "a", None, "UTC", 0), first)
    made.frames = list(frames or (b'{"seq":7}',))
    return made


def encrypted(said: Any, owner: str = "user_ada") -> bytes:
    """A message that somebody with the key made, whatever it says."""
    nonce = b"\xff" * 12
    return SENDER + nonce + _cipher(KEY, SENDER).encrypt(nonce, msgspec.msgpack.encode(said), owner.encode())


def opened(message: bytes, owner: str = "user_ada") -> Told:
    return Opener(KEY).open(message, owner)


def test_what_was_said_is_heard_byte_for_byte() -> None:
    frames = ['{"text":"é\U0001f600"}'.encode(), b"{}"]
    assert opened(Sealer(KEY, SENDER).message(chunk(*frames))) == Told("user_ada", "thr_1", "e1", 7, frames)


def test_nothing_of_what_is_said_can_be_read_and_no_two_messages_are_alike() -> None:
    sealer = Sealer(KEY, SENDER)
    one, two = (sealer.message(chunk(b'{"text":"the secret of ada"}')) for _ in range(2))
    for message in (one, two):
        assert all(word not in message for word in (b"secret", b"thr_1", b"e1", b"user_ada"))
    assert one[SENDER_BYTES : SENDER_BYTES + 12] != two[SENDER_BYTES : SENDER_BYTES + 12]
    assert opened(one) == opened(two)


def test_a_message_of_0_1_0_is_not_taken_for_one_of_these(messages_of_0_1_0: dict[str, dict[str, bytes]]) -> None:
    bus = messages_of_0_1_0["bus"]
    with pytest.raises(BadMessage):
        Opener(bus["key"]).open(bus["message"], "user_ada")


@pytest.mark.parametrize("more", [[], ["of tomorrow"]])
def test_a_message_of_a_newer_version_is_refused(more: list[str]) -> None:
    told = ["user_ada", "thr_1", "e1", 7, [b"{}"]]
    assert opened(encrypted([*told, VERSION, *more])).frames == [b"{}"]
    with pytest.raises(BadMessage, match=f"of version {VERSION + 1}"):
        opened(encrypted([*told, VERSION + 1, *more]))


def test_a_process_knows_its_own_messages() -> None:
    sealer = Sealer(KEY, SENDER)
    assert sealer.is_from(sealer.message(chunk()))
    assert not Sealer(KEY, SENDER[::-1]).is_from(sealer.message(chunk()))
    assert not sealer.is_from(b"")


def test_messages_of_two_senders_are_opened_in_turns() -> None:
    opener, sealers = Opener(KEY), [Sealer(KEY, SENDER), Sealer(KEY, SENDER[::-1])]
    for sealer in sealers * 3:
        assert opener.open(sealer.message(chunk()), "user_ada").first == 7


def test_a_message_that_was_made_without_the_key_is_refused() -> None:
    with pytest.raises(BadMessage, match="key"):
        opened(Sealer(b"another", SENDER).message(chunk()))


def test_a_message_for_somebody_else_is_refused() -> None:
    with pytest.raises(BadMessage, match="owner"):
        opened(Sealer(KEY, SENDER).message(chunk()), "user_bob")
    with pytest.raises(BadMessage, match="not for this owner"):
        opened(encrypted(["user_bob", "thr_1", "e1", 7, [b"{}"]]))


def test_a_message_of_which_any_byte_was_changed_is_refused(rng: random.Random) -> None:
    message = Sealer(KEY, SENDER).message(chunk(b'{"text":"hello"}'))
    for _ in range(300):
        at, bit = rng.randrange(len(message)), 1 << rng.randrange(8)
        with pytest.raises(BadMessage):
            opened(message[:at] + bytes([message[at] ^ bit]) + message[at + 1 :])


@pytest.mark.parametrize("message", [b"", b"x", b"x" * 28, b"x" * 29, b"x" * 60, b"x" * (MAX_MESSAGE_BYTES + 1)])
def test_what_is_too_short_or_too_long_is_refused(message: bytes) -> None:
    with pytest.raises(BadMessage):
        opened(message)


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
        ["user_ada", "thr_1", "e1", 1, [b"{}"], 1],
        ["user_ada", "thr_1", "e1", 1, [b"{}"], "1"],
    ],
)
def test_what_no_process_of_ours_says_is_refused_even_with_the_key(said: Any) -> None:
    with pytest.raises(BadMessage):
        opened(encrypted(said))


def test_noise_is_refused(rng: random.Random) -> None:
    for _ in range(500):
        with pytest.raises(BadMessage):
            opened(SENDER + rng.randbytes(rng.randrange(1, 80)))
