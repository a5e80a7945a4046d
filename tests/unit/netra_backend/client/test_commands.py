"""What a client asks, as the frames that carry it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from netra_backend.app.core.events import AgentCompleted, AgentStarted, AnyEvent
from netra_backend.app.core.frames import Accepted, CancelRun, ExecuteAgent, ResolveApproval
from netra_backend.app.core.message_parts import DataPart, FilePart
from netra_backend.client.commands import Commands


class Asked(Commands):
    """Keeps what is asked; the thread has a run of somebody else's besides the one that is begun."""

    def __init__(self) -> None:
        self.frames: list[Any] = []

    async def _command(self, key: str, frame: Any) -> Accepted:
        assert frame.id == key
        self.frames.append(frame)
        return Accepted(key, "thr_1", "e", "run_2", 1)

    async def follow(self, thread_id: str, *, epoch: str = "", after: int | None = None) -> AsyncIterator[AnyEvent]:
        for run_id in ("run_1", "run_2"):
            yield AgentStarted(thread_id, run_id, 1, 0, agent="a", request_id="r")
            yield AgentCompleted(thread_id, run_id, 2, 0, {}, {}, 0)


async def test_a_message_goes_with_its_parts_and_with_what_it_supersedes() -> None:
    client = Asked()
    parts: list[dict[str, Any]] = [{"type": "data", "data": [1]}, {"type": "file", "file_id": "file_1"}]
    await client.start("Look.", agent="a", parts=parts, supersedes="run_0", client_run_id="mine")
    frame = client.frames[0]
    expected = ExecuteAgent(
        "a", "Look.", parts=(DataPart([1]), FilePart("file_1")), supersedes="run_0", client_run_id="mine"
    )
    assert msgspec.structs.replace(frame, id=None) == expected


async def test_what_is_no_part_is_said_before_it_is_sent() -> None:
    client = Asked()
    with pytest.raises(msgspec.ValidationError, match="Invalid value 'picture'"):
        await client.start("Look.", parts=[{"type": "picture"}])
    assert client.frames == []


async def test_the_events_are_those_of_the_run_that_was_begun_up_to_its_end() -> None:
    events = [event async for event in Asked().ask("Look.")]
    assert [(type(event), event.run_id) for event in events] == [(AgentStarted, "run_2"), (AgentCompleted, "run_2")]


async def test_a_word_about_a_run_or_a_call_is_a_frame_of_its_own() -> None:
    client = Asked()
    await client.cancel("run_1")
    await client.resolve("apr_1", "deny", "0" * 64)
    with pytest.raises(msgspec.ValidationError):
        await client.resolve("apr_1", "perhaps", "0" * 64)
    cancel, resolve = client.frames
    assert cancel == CancelRun("run_1", cancel.id)
    assert resolve == ResolveApproval("apr_1", "deny", "0" * 64, resolve.id)
    assert cancel.id != resolve.id
