"""The story that log tests are told with."""

from __future__ import annotations

import pytest

from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead
from test_framework.log_story import LogStory, positions


def test_a_story_keeps_what_was_published() -> None:
    story = LogStory()
    head = ThreadHead("user_ada", "thr_1", "e", 1)
    chunk = Chunk(RunRecord(head, "run_1", "req_1", "a", None, "UTC", 0), 1)
    chunk.frames.append(b'{"seq":1}')
    head.durable = 1
    story.publish([chunk])
    assert [(told.first, told.frames, told.durable) for told in story.published] == [(1, (b'{"seq":1}',), 1)]
    assert story.groups == [1]


def test_a_story_without_a_log_says_what_is_missing() -> None:
    with pytest.raises(AssertionError, match=r"tell\(log\) comes first"):
        LogStory().thread()


def test_positions_are_read_from_the_frames() -> None:
    assert positions([b'{"seq":4}', b'{"seq":5}']) == [4, 5]
