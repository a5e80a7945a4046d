"""The generator of malformed frames: repeatable, of every kind, and of one mind with the session about the answers."""

from __future__ import annotations

from random import Random
from typing import Any

from websockets.frames import Opcode

from netra_backend.app.core.limits import Limits
from netra_backend.app.core.session import Handle, SendError, Session
from test_framework.malformed import FAULTS, FRAME_BYTES, MESSAGE_BYTES, malformed

COUNT = 3000


def test_a_seed_repeats_its_frames() -> None:
    first, second = Random(7), Random(7)
    assert [malformed(first) for _ in range(100)] == [malformed(second) for _ in range(100)]


def test_the_session_gives_each_frame_the_answer_that_the_generator_names(rng: Random) -> None:
    seen = set()
    for _ in range(COUNT):
        frame = malformed(rng)
        seen.add(frame.error or frame.close)
        if frame.error is None:
            continue
        session = Session(Limits(faults=COUNT), 0.0)
        session.authenticated("user_1", None)
        data = bytes(frame.frame.data)
        effect: Any = (
            session.too_long(data[:FRAME_BYTES], 0.0) if len(data) > FRAME_BYTES else session.received(data, 0.0, 0)
        )
        if frame.error == "not_found":  # whether it is there is not the session's to know
            assert isinstance(effect, Handle), frame
            continue
        assert isinstance(effect, tuple)
        (refused,) = effect
        assert isinstance(refused, SendError)
        entry = refused.refusal.entry
        assert (entry.id, entry.code, refused.id) == (frame.error, frame.code, frame.id), frame
    assert seen >= {*FAULTS, "invalid_context", "isolation_violation", "factory_command_refused", "not_found"}
    assert seen >= {1002, 1003, 1007, 1009}


def test_only_what_is_too_large_goes_over_the_bound(rng: Random) -> None:
    for frame in (malformed(rng) for _ in range(COUNT)):
        size = len(frame.frame.data) if frame.frame.opcode is Opcode.TEXT else 0
        assert (size > MESSAGE_BYTES) == (frame.close == 1009), frame.error
        assert (FRAME_BYTES < size <= MESSAGE_BYTES) == (frame.error == "payload_too_large"), frame.error
