"""What one WebSocket sends, counted as it comes in."""

from __future__ import annotations

import random

import pytest
from websockets.frames import Frame, Opcode

from netra_backend.app.core.errors import FrameRefused, LimitRefused
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.traffic import AnonymousTraffic, FrameScanner, UserTraffic, check_fragments, check_unread

EVERYTHING = 1_000_000


def frames_of(rng: random.Random, count: int) -> list[bytes]:
    sizes = [0, 1, 125, 126, 300, 65_535, 65_536, 70_000]
    opcodes = [Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING, Opcode.PONG]
    made = []
    for _ in range(count):
        opcode = rng.choice(opcodes)
        size = rng.choice(sizes[:3] if opcode in (Opcode.PING, Opcode.PONG) else sizes)
        frame = Frame(opcode, b"x" * size, fin=opcode in (Opcode.PING, Opcode.PONG) or rng.random() < 0.5)
        made.append(bytes(frame.serialize(mask=rng.random() < 0.9)))
    return made


@pytest.mark.parametrize("case", range(30))
def test_however_the_bytes_are_cut_every_frame_is_counted_once_and_each_turn_ends_with_a_frame(
    case: int, rng: random.Random
) -> None:
    frames = frames_of(rng, rng.randrange(1, 30))
    stream = b"".join(frames)
    ends = {sum(map(len, frames[: at + 1])) for at in range(len(frames))}
    scanner, counted, not_whole, at = FrameScanner(), 0, 0, 0
    while at < len(stream):
        piece = stream[at : at + rng.choice([1, 2, 3, 7, 200, 100_000])]
        end, begun, others, _ = scanner.scan(piece, rng.choice([1, 3]), rng.choice([1, 300, EVERYTHING]))
        assert end > 0
        assert end == len(piece) or at + end in ends
        counted += begun
        not_whole += others
        at += end
    assert counted == len(frames)
    assert not_whole == sum(frame[0] != 0x81 for frame in frames)


def test_a_message_counts_its_fragments_and_control_frames_between_are_none() -> None:
    parts = [
        Frame(Opcode.TEXT, b"a", fin=False),
        Frame(Opcode.PING, b""),
        Frame(Opcode.CONT, b"", fin=False),
        Frame(Opcode.CONT, b"", fin=True),
        Frame(Opcode.TEXT, b"b"),
    ]
    data = b"".join(bytes(part.serialize(mask=True)) for part in parts)
    assert FrameScanner().scan(data, EVERYTHING, EVERYTHING) == (len(data), 5, 4, 3)
    in_bytes = FrameScanner()
    assert max(in_bytes.scan(bytes([byte]), EVERYTHING, EVERYTHING)[3] for byte in data) == 3


@pytest.mark.validation_point("socket.anonymous")
@pytest.mark.parametrize(("frames", "size"), [(1, 0), (0, 1)])
def test_before_a_sign_in_frames_and_bytes_are_counted_in_all(frames: int, size: int) -> None:
    traffic = AnonymousTraffic(Limits(anonymous_frames=3, anonymous_bytes=100))
    traffic.take(3, 0, 100, 0.0)
    with pytest.raises(LimitRefused) as refused:
        traffic.take(frames, 0, size, 1e9)
    assert refused.value.entry.close_code == 4429


@pytest.mark.validation_point("socket.frames")
def test_frames_of_a_user_have_a_rate() -> None:
    traffic = UserTraffic(Limits(raw_frame_rate=10.0, raw_frame_burst=20), 0.0)
    traffic.take(1000, 20, 0, 0.0)
    with pytest.raises(LimitRefused) as refused:
        traffic.take(6, 6, 0, 0.5)
    assert refused.value.retry_after_ms is not None
    traffic.take(6, 6, 0, 0.6)


@pytest.mark.validation_point("socket.bytes")
def test_bytes_of_a_user_have_a_rate() -> None:
    traffic = UserTraffic(Limits(byte_rate=100.0, byte_burst=1000), 0.0)
    traffic.take(1, 0, 1000, 0.0)
    with pytest.raises(LimitRefused, match="bytes"):
        traffic.take(1, 0, 101, 1.0)
    traffic.take(1, 0, 200, 2.0)


@pytest.mark.validation_point("socket.fragments")
def test_a_message_has_so_many_fragments() -> None:
    check_fragments(3, Limits(message_fragments=3))
    with pytest.raises(FrameRefused, match="3 fragments"):
        check_fragments(4, Limits(message_fragments=3))


@pytest.mark.validation_point("socket.unread")
def test_answers_that_are_not_read_take_so_much_memory() -> None:
    check_unread(100, 100)
    with pytest.raises(LimitRefused) as refused:
        check_unread(101, 100)
    assert refused.value.entry.close_code == 4408


def test_what_a_user_may_send_changes_with_the_plan() -> None:
    traffic = UserTraffic(Limits(), 0.0)
    traffic.change(Limits(raw_frame_rate=1.0, raw_frame_burst=20, byte_rate=1024.0, byte_burst=100_000), 0.0)
    traffic.take(20, 20, 100_000, 0.0)
    with pytest.raises(LimitRefused, match="frames"):
        traffic.take(1, 1, 0, 0.0)
    with pytest.raises(LimitRefused, match="bytes"):
        traffic.take(0, 0, 1, 0.0)
